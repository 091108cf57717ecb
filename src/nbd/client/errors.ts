/**
 * What goes wrong between client and server, as PagefoldErrors. Whatever the server says is made printable here, and
 * nowhere else does its text get into a message.
 */

import { type ErrorCode, PagefoldError } from "../../base/errors.ts";
import { systemCode } from "../../base/file-error.ts";
import { printable } from "../../base/text.ts";
import { NBD_ERROR, OPTION, OPTION_REPLY } from "../protocol.ts";
import { formatNbdUri, type NbdPlace } from "../uri.ts";

/** A place for messages: the URI without export and files of keys. */
export function placeName(place: NbdPlace): string {
  const plain =
    "socketPath" in place
      ? { socketPath: place.socketPath }
      : { host: place.host, port: place.port };
  return formatNbdUri({ ...plain, exportName: "" });
}

/** The server broke the protocol; the connection ends. */
export function protocolError(what: string): PagefoldError {
  return new PagefoldError(
    "PROTOCOL",
    `the server broke the NBD protocol: ${what}; the connection was ended, report it to who runs the server`,
  );
}

/** Why a standing connection ended; without a cause the server closed it. A PagefoldError passes through unchanged. */
export function lostError(place: string, cause: Error | undefined): PagefoldError {
  if (cause instanceof PagefoldError) return cause;
  if (cause && "code" in cause && String(cause.code).startsWith("ERR_SSL")) {
    return tlsError(place, cause);
  }
  const why = cause ? `the system says "${cause.message}"` : "the server closed it";
  return new PagefoldError(
    "IO",
    `the connection to ${place} is lost: ${why}; see whether the server still runs, and connect again`,
    { cause },
  );
}

/** Why TLS could not begin. A PagefoldError passes through unchanged. */
export function tlsError(place: string, cause: Error | undefined): PagefoldError {
  if (cause instanceof PagefoldError) return cause;
  const why = cause ? printable(cause.message) : "the server closed the connection";
  return new PagefoldError(
    "NOT_PERMITTED",
    `TLS with ${place} fails: ${why}; check the certificates or keys of both sides`,
    { cause },
  );
}

const SYSTEM: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ["NOT_FOUND", "there is no such socket; check the path and that the server runs"],
  ECONNREFUSED: ["IO", "nothing listens there; check the address and that the server runs"],
  EACCES: ["NOT_PERMITTED", "permission is denied; check the socket's mode with ls -l"],
  ENOTFOUND: ["NOT_FOUND", "there is no host of that name; check its spelling"],
};

/** Why a connection could not be made; a PagefoldError passes through unchanged. */
export function connectError(place: string, cause: Error | undefined): PagefoldError {
  if (cause instanceof PagefoldError) return cause;
  const [kind, sentence] = SYSTEM[systemCode(cause)] ?? [
    "IO",
    `the system says "${cause?.message}"; check the address and the network`,
  ];
  return new PagefoldError(kind, `no connection to ${place}: ${sentence}`, { cause });
}

const OPTION_NAMES = new Map<number, string>(
  Object.entries(OPTION).map(([name, number]) => [number, name]),
);

export function optionName(option: number): string {
  return OPTION_NAMES.get(option) ?? `option ${option}`;
}

const OPTION_ERRORS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [OPTION_REPLY.ERR_UNSUP]: ["UNSUPPORTED", "it does not know it; use a newer server"],
  [OPTION_REPLY.ERR_POLICY]: ["NOT_PERMITTED", "its policy forbids it; ask who runs it"],
  [OPTION_REPLY.ERR_INVALID]: ["INVALID_ARGUMENT", "it holds the request for invalid"],
  [OPTION_REPLY.ERR_PLATFORM]: ["UNSUPPORTED", "its platform lacks it; use another server"],
  [OPTION_REPLY.ERR_TLS_REQD]: ["NOT_PERMITTED", "it wants TLS first; use nbds: or nbds+unix:"],
  [OPTION_REPLY.ERR_UNKNOWN]: ["NOT_FOUND", "it has no such export"],
  [OPTION_REPLY.ERR_SHUTDOWN]: ["SHUTDOWN", "it is ending; connect again when it is back"],
  [OPTION_REPLY.ERR_BLOCK_SIZE_REQD]: ["UNSUPPORTED", "it wants its block sizes to be obeyed"],
  [OPTION_REPLY.ERR_TOO_BIG]: ["INVALID_ARGUMENT", "the request or its answer is too big for it"],
};

/** The server's refusal of an option, of type `type` and with the text it sent. */
export function optionError(option: number, type: number, text: Buffer): PagefoldError {
  const [code, meaning] = OPTION_ERRORS[type] ?? ["UNSUPPORTED", `it gives the error ${type}`];
  const said = text.length === 0 ? "" : `; it says "${printable(text.toString())}"`;
  return new PagefoldError(code, `the server refuses ${optionName(option)}: ${meaning}${said}`);
}

const REPLY_ERRORS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [NBD_ERROR.EPERM]: ["NOT_PERMITTED", "EPERM, it does not permit that; ask who runs it"],
  [NBD_ERROR.EIO]: ["IO", "EIO, it failed; its log may say more"],
  [NBD_ERROR.ENOMEM]: ["NO_MEMORY", "ENOMEM, it is out of memory; try again later"],
  [NBD_ERROR.EINVAL]: ["INVALID_ARGUMENT", "EINVAL, it holds the request for invalid"],
  [NBD_ERROR.ENOSPC]: ["NO_SPACE", "ENOSPC, no space is left; trim what is not needed any more"],
  [NBD_ERROR.EOVERFLOW]: ["UNSUPPORTED", "EOVERFLOW, that is too much at once; ask for less"],
  [NBD_ERROR.ENOTSUP]: ["UNSUPPORTED", "ENOTSUP, it cannot do that; ask without the flag"],
  [NBD_ERROR.ESHUTDOWN]: ["SHUTDOWN", "ESHUTDOWN, it is ending; connect again when it is back"],
};

/** The server's answer to a request, `what`, with an error; the specification takes unknown ones for EINVAL. */
export function replyError(what: string, error: number, text: string): PagefoldError {
  const [code, meaning] = REPLY_ERRORS[error] ?? [
    "INVALID_ARGUMENT",
    `error ${error}, which the protocol does not know; report it to who runs the server`,
  ];
  const said = text === "" ? "" : `; it says "${printable(text)}"`;
  return new PagefoldError(code, `${what}: the server answers ${meaning}${said}`);
}
