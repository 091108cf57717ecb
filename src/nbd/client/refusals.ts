/** What a client refuses to ask, since the export does not have it: the specification forbids to send such requests. */

import { type ErrorCode, PagefoldError } from "../../base/errors.ts";
import { COMMAND, COMMAND_FLAG } from "../protocol.ts";
import type { Request } from "./request.ts";
import type { ExportInfo } from "./types.ts";

/** Why the export cannot serve `request`, or undefined if it can. */
export function refusalOf(request: Request, info: ExportInfo): PagefoldError | undefined {
  const { command, flags } = request;
  switch (command) {
    case COMMAND.READ:
      break;
    case COMMAND.WRITE:
      if (info.isReadOnly) return readOnly(request);
      break;
    case COMMAND.FLUSH:
      return info.canFlush ? undefined : notOffered(request, "FLUSH");
    case COMMAND.TRIM:
      if (info.isReadOnly) return readOnly(request);
      if (!info.canTrim) return notOffered(request, "TRIM");
      break;
    case COMMAND.WRITE_ZEROES:
      if (info.isReadOnly) return readOnly(request);
      if (!info.canWriteZeroes) return notOffered(request, "WRITE_ZEROES");
      break;
    case COMMAND.CACHE:
      if (!info.canCache) return notOffered(request, "CACHE");
      break;
    case COMMAND.BLOCK_STATUS:
      if (info.contexts.length === 0) {
        return notOffered(request, "any metadata context that was asked for on connecting");
      }
      if (request.length === 0)
        return refused("INVALID_ARGUMENT", request, "ask for 1 byte at least");
  }
  if ((flags & COMMAND_FLAG.FUA) !== 0 && !info.canFua) return notOffered(request, "FUA");
  if ((flags & COMMAND_FLAG.FAST_ZERO) !== 0 && !info.canFastZero) {
    return notOffered(request, "FAST_ZERO");
  }
  return rangeRefusal(request, info);
}

function rangeRefusal(request: Request, info: ExportInfo): PagefoldError | undefined {
  const { offset, length } = request;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    return refused("INVALID_ARGUMENT", request, "offsets and lengths are whole numbers from 0 on");
  }
  if (offset + length > info.sizeBytes) {
    return refused("OUT_OF_RANGE", request, `the export ends at ${info.sizeBytes}`);
  }
  const { minimum } = info.blockSize;
  if (offset % minimum !== 0 || length % minimum !== 0) {
    return refused("INVALID_ARGUMENT", request, `the server takes multiples of ${minimum} only`);
  }
  return undefined;
}

function refused(code: ErrorCode, request: Request, why: string): PagefoldError {
  return new PagefoldError(code, `${request.what} is refused: ${why}`);
}

function readOnly(request: Request): PagefoldError {
  return refused("NOT_PERMITTED", request, "the export is read-only; serve it writable");
}

function notOffered(request: Request, what: string): PagefoldError {
  return refused("UNSUPPORTED", request, `the server does not offer ${what}; do without`);
}
