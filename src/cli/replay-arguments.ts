/** Which export of a trace goes to which server, as `replay` reads it from its command line. */

import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { formatNbdUri, type NbdAddress, parseNbdUri } from "../nbd/uri.ts";
import type { TraceExport } from "../trace/swap/format.ts";

/** A server for the export of that name, or for all that are not named. */
export interface ReplayUri {
  readonly exportName?: string;
  readonly address: NbdAddress;
}

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** `URI` or `EXPORT=URI`. */
export function parseReplayUri(text: string): ReplayUri {
  // A URI has a = of its own, and the name before it may hold anything.
  const [, exportName, uri] = /^(.*?)=(nbds?(?:\+unix)?:.*)$/is.exec(text) ?? [];
  if (exportName === undefined || uri === undefined || /^nbds?(\+unix)?:/i.test(text)) {
    return { address: parseNbdUri(text) };
  }
  return { exportName, address: parseNbdUri(uri) };
}

/** The one of several for the same; more than one is a mistake. */
function onlyOne(uris: readonly ReplayUri[], what: string): ReplayUri | undefined {
  if (uris.length < 2) return uris[0];
  const shown = uris.map(({ address }) => formatNbdUri(address)).join(" and ");
  throw invalid(`--uri gives ${what} ${uris.length} servers, ${shown}; leave one`);
}

/**
 * The address of each export's server, in the trace's order. A URI without a name is for every export that none names:
 * for the only one of a trace as it is, else for the server's export of the same name.
 * @throws PagefoldError INVALID_ARGUMENT.
 */
export function addressesOf(
  exports: readonly TraceExport[],
  uris: readonly ReplayUri[],
): NbdAddress[] {
  const listed = exports.map(({ name }) => `"${printable(name)}"`).join(", ");
  for (const { exportName } of uris) {
    if (exportName === undefined || exports.some(({ name }) => name === exportName)) continue;
    throw invalid(
      `--uri names export "${printable(exportName)}", which the trace does not have; it has ${listed}`,
    );
  }
  const common = onlyOne(
    uris.filter(({ exportName }) => exportName === undefined),
    "the exports it does not name",
  );
  return exports.map(({ name }) => {
    const own = onlyOne(
      uris.filter(({ exportName }) => exportName === name),
      `export "${printable(name)}"`,
    );
    if (own !== undefined) return own.address;
    if (common === undefined) {
      throw invalid(
        `--uri gives export "${printable(name)}" no server; the trace has ${listed}: name a URI for each, or one for all`,
      );
    }
    return exports.length === 1 ? common.address : { ...common.address, exportName: name };
  });
}
