/** The one check of a request: whether the protocol, the export's size and what its disk can do allow it. */

import { COMMAND, COMMAND_FLAG, NBD_ERROR, type NbdError } from "../protocol.ts";
import type { Disk } from "./disk.ts";
import type { Request } from "./request.ts";
import { BLOCK_SIZES } from "./served-export.ts";

/** What a refused request is answered with. */
export interface Refusal {
  readonly error: NbdError;
  readonly message: string;
}

export interface RequestContext {
  readonly disk: Disk;
  readonly isStructured: boolean;
  readonly hasContexts: boolean;
}

/** Flags each command may carry beside FUA. */
const EXTRA_FLAGS: ReadonlyMap<number, number> = new Map([
  [COMMAND.READ, COMMAND_FLAG.DF],
  [COMMAND.WRITE, 0],
  [COMMAND.DISC, 0],
  [COMMAND.FLUSH, 0],
  [COMMAND.TRIM, 0],
  [COMMAND.CACHE, 0],
  [COMMAND.WRITE_ZEROES, COMMAND_FLAG.NO_HOLE | COMMAND_FLAG.FAST_ZERO],
  [COMMAND.BLOCK_STATUS, COMMAND_FLAG.REQ_ONE],
]);

const invalid = (message: string): Refusal => ({ error: NBD_ERROR.EINVAL, message });

function changesBytes(type: number): boolean {
  return type === COMMAND.WRITE || type === COMMAND.TRIM || type === COMMAND.WRITE_ZEROES;
}

function isOffered(type: number, { disk, hasContexts }: RequestContext): boolean {
  switch (type) {
    case COMMAND.TRIM:
      return disk.discard !== undefined;
    case COMMAND.WRITE_ZEROES:
      return disk.writeZeroes !== undefined;
    case COMMAND.BLOCK_STATUS:
      return hasContexts;
    default:
      return true;
  }
}

/** Why a request cannot be done, or nothing. DISC is never refused: it has no reply. */
export function refusalOf(request: Request, context: RequestContext): Refusal | undefined {
  const { type, flags, offset, length } = request;
  const { disk, isStructured } = context;
  if (type === COMMAND.DISC) return undefined;
  const extra = EXTRA_FLAGS.get(type);
  if (extra === undefined) return invalid(`command ${type} is unknown`);
  let allowed = COMMAND_FLAG.FUA | (isStructured ? extra : extra & ~COMMAND_FLAG.DF);
  if (disk.isZeroingSlow === true) allowed &= ~COMMAND_FLAG.FAST_ZERO;
  if ((flags & ~allowed) !== 0)
    return invalid(`command ${type} does not take the flags 0x${(flags & ~allowed).toString(16)}`);
  if (disk.isReadOnly && changesBytes(type))
    return { error: NBD_ERROR.EPERM, message: "the export is read-only" };
  if (!isOffered(type, context)) {
    const what = type === COMMAND.BLOCK_STATUS ? "no metadata context was chosen" : "not offered";
    return invalid(`command ${type} cannot be done: ${what}`);
  }
  if (type === COMMAND.FLUSH) {
    if (offset === 0 && length === 0) return undefined;
    return invalid("a flush has neither offset nor length");
  }
  if (offset + length > disk.sizeBytes) {
    const message = `${length} bytes at offset ${offset} end past the export's ${disk.sizeBytes}`;
    const isWrite = type === COMMAND.WRITE || type === COMMAND.WRITE_ZEROES;
    return { error: isWrite ? NBD_ERROR.ENOSPC : NBD_ERROR.EINVAL, message };
  }
  if (type === COMMAND.BLOCK_STATUS && length === 0)
    return invalid("no bytes were asked for the status of");
  return tooLong(request, isStructured);
}

/** Why a payload is too long; a structured read goes out in pieces, and may be as long as it likes. */
function tooLong({ type, flags, length }: Request, isStructured: boolean): Refusal | undefined {
  const most = BLOCK_SIZES.mostPayload;
  if (length <= most) return undefined;
  const message = `${length} bytes are more than the ${most} of one request; ask for less at a time`;
  if (type === COMMAND.WRITE) return { error: NBD_ERROR.EINVAL, message };
  if (type !== COMMAND.READ) return undefined;
  if (!isStructured) return { error: NBD_ERROR.EINVAL, message };
  return (flags & COMMAND_FLAG.DF) === 0 ? undefined : { error: NBD_ERROR.EOVERFLOW, message };
}
