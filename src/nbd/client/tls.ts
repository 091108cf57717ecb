/**
 * What a client's TLS needs, read from files in the layout of GnuTLS's tools and libnbd: a folder of certificates or a
 * file of keys. TLS 1.2 at least; keys shared beforehand go with 1.2 alone, which is where Node offers them.
 */

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import { PagefoldError } from "../../base/errors.ts";
import { fileError, systemCode } from "../../base/file-error.ts";
import { printable } from "../../base/text.ts";
import { PSK_CIPHERS, parsePskFile } from "../psk.ts";
import type { NbdTls } from "../uri.ts";

/**
 * The options Node's TLS takes; `host` is where we connect to, undefined for a Unix socket.
 * @throws PagefoldError for files that cannot be read or hold no key for us.
 */
export async function loadTls(tls: NbdTls, host: string | undefined): Promise<ConnectionOptions> {
  return tls.pskPath === undefined
    ? loadCertificates(tls, tls.hostname ?? host)
    : loadKey(tls.pskPath, tls.userName);
}

async function loadCertificates(tls: NbdTls, name: string | undefined): Promise<ConnectionOptions> {
  const options: ConnectionOptions = {
    minVersion: "TLSv1.2",
    rejectUnauthorized: tls.verifyPeer ?? true,
    ...(name !== undefined && isIP(name) === 0 ? { servername: name } : {}),
    // A Unix socket without tls-hostname has no name to compare; who signed the certificate is checked all the same.
    checkServerIdentity: (_host, certificate) =>
      name === undefined ? undefined : checkServerIdentity(name, certificate),
  };
  if (tls.certificatesPath === undefined) return options;
  const [ca, cert, key] = await Promise.all([
    readPem(join(tls.certificatesPath, "ca-cert.pem"), "needed"),
    readPem(join(tls.certificatesPath, "client-cert.pem"), "optional"),
    readPem(join(tls.certificatesPath, "client-key.pem"), "optional"),
  ]);
  return { ...options, ca, cert, key };
}

async function readPem(path: string, need: "needed" | "optional"): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (need === "optional" && systemCode(cause) === "ENOENT") return undefined;
    throw fileError(path, { act: "read", cause });
  }
}

async function loadKey(path: string, userName: string | undefined): Promise<ConnectionOptions> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw fileError(path, { act: "read", cause });
  }
  const keys = parsePskFile(text, path);
  // The specification: without a name in the URI, that of the local user.
  const [only] = keys.size === 1 ? [...keys.keys()] : [];
  const identity = userName ?? only ?? localUser();
  const psk = keys.get(identity);
  if (psk === undefined) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${path} holds no key for the user "${printable(identity)}"; name another one in the URI, as nbds://USER@HOST/, or add a key with psktool`,
    );
  }
  return {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    ciphers: PSK_CIPHERS,
    pskCallback: () => ({ identity, psk }),
    // Whoever knows the key is the right server.
    checkServerIdentity: () => undefined,
  };
}

function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry among the system's, as containers have them.
    return "";
  }
}
