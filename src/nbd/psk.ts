/**
 * Keys shared beforehand, for both sides of NBD's TLS: the file they are in, and the ciphers they go with. Each side
 * offers or accepts the same ciphers, so that our client and our server always agree.
 */

import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";

/** Node speaks pre-shared keys up to TLS 1.2; the first of these keep past traffic secret if a key gets out. */
export const PSK_CIPHERS = [
  "ECDHE-PSK-CHACHA20-POLY1305",
  "ECDHE-PSK-AES256-CBC-SHA384",
  "ECDHE-PSK-AES128-CBC-SHA256",
  "PSK-AES256-GCM-SHA384",
  "PSK-CHACHA20-POLY1305",
  "PSK-AES128-GCM-SHA256",
].join(":");

/** The keys by user of a file as psktool writes it. */
export function parsePskFile(text: string, path: string): ReadonlyMap<string, Buffer> {
  const keys = new Map<string, Buffer>();
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const [, user, key] = /^([^:]+):((?:[0-9a-f]{2})+)\s*$/i.exec(line) ?? [];
    if (user === undefined || key === undefined) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `line ${index + 1} of "${printable(path)}" is not user:key with the key in hexadecimal; psktool writes such files`,
      );
    }
    keys.set(user, Buffer.from(key, "hex"));
  });
  if (keys.size === 0)
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `"${printable(path)}" holds no key; psktool makes one`,
    );
  return keys;
}
