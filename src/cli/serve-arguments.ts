/** What `serve` reads from its command line. Each refusal exits with 2. */

import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { formatSize, PAGE_BYTES, parseSize } from "../base/units.ts";
import { type ExportOptions, MOST_SIZE_BYTES } from "../device/options.ts";

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** The size of a disk: a page at least. */
export function parseDiskSize(text: string, what: string): number {
  const bytes = parseSize(text, what);
  if (bytes >= PAGE_BYTES && bytes <= MOST_SIZE_BYTES) return bytes;
  throw invalid(
    `${what} cannot be "${printable(text)}": a disk has from ${PAGE_BYTES} bytes, one page, to ${formatSize(MOST_SIZE_BYTES)}`,
  );
}

/** `NAME=SIZE[,domain=D][,limit=N]`. */
export function parseExport(text: string): ExportOptions {
  const [, name, size, rest = ""] = /^([^=]*)=([^,]*)(,.*)?$/s.exec(text) ?? [];
  if (name === undefined || size === undefined) {
    throw invalid(
      `--export cannot be "${printable(text)}": give NAME=SIZE, such as guest-a=1G, and after it ,domain=NAME or ,limit=SIZE`,
    );
  }
  let domain: string | undefined;
  let limitBytes: number | undefined;
  for (const part of rest.split(",").slice(1)) {
    const [, key, value] = /^(domain|limit)=(.*)$/s.exec(part) ?? [];
    const isSecond = (key === "domain" ? domain : limitBytes) !== undefined;
    if (key !== undefined && isSecond)
      throw invalid(`--export "${printable(text)}" says ${key} twice; say it once`);
    if (key === "domain") domain = value ?? "";
    else if (key === "limit") limitBytes = parseSize(value ?? "", `the limit of export "${name}"`);
    else
      throw invalid(
        `--export "${printable(text)}" says "${printable(part)}"; after the size come domain=NAME and limit=SIZE alone`,
      );
  }
  return {
    name,
    sizeBytes: parseDiskSize(size, `the size of export "${printable(name)}"`),
    ...(domain === undefined ? {} : { domain }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

/** A host and a port, `localhost:10809`, `[::1]:10809` or `:10809` for every address. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function parseListen(text: string): HostPort {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw invalid(
      `--listen cannot be "${printable(text)}": give HOST:PORT, such as 127.0.0.1:10809 or [::1]:10809; port 0 is any free one`,
    );
  }
  return { host: bracketed || plain || "::", port };
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
