/** What `serve` reads from its command line. Each refusal exits with 2. */

import { isIP } from "node:net";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { parseSize } from "../base/units.ts";
import type { ExportOptions } from "../device/options.ts";

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** A parser of sizes for an option named `name`. */
export function sizeOption(name: string): (text: string) => number {
  return (text) => parseSize(text, name);
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
    if (key === "domain") domain = value ?? "";
    else if (key === "limit") limitBytes = parseSize(value ?? "", `the limit of export "${name}"`);
    else
      throw invalid(
        `--export "${printable(text)}" says "${printable(part)}"; after the size come domain=NAME and limit=SIZE alone`,
      );
  }
  return {
    name,
    sizeBytes: parseSize(size, `the size of export "${printable(name)}"`),
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

/** Whether only this machine reaches that host. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "localhost" || host === "::1" || /^::ffff:127\./i.test(host);
}
