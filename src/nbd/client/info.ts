/** What a server tells of an export, decoded and checked. */

import { PagefoldError } from "../../base/errors.ts";
import { DEFAULT_MOST_PAYLOAD, TRANSMISSION_FLAG } from "../protocol.ts";
import { protocolError } from "./errors.ts";
import type { BlockSize } from "./types.ts";

/** Where the server says nothing of block sizes: the specification's. */
export const UNTOLD_BLOCK_SIZE: BlockSize = {
  minimum: 1,
  preferred: 4096,
  most: DEFAULT_MOST_PAYLOAD,
};

/** Size and flags of an export, ten bytes. */
export function parseExport(told: Buffer) {
  if (told.length !== 10) throw protocolError(`an export's size has ${told.length + 2} bytes`);
  const size = told.readBigUInt64BE(0);
  const flags = told.readUInt16BE(8);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new PagefoldError(
      "UNSUPPORTED",
      `the export has ${size} bytes; this client reaches ${Number.MAX_SAFE_INTEGER}, so export a part of it`,
    );
  }
  const has = (flag: number) => (flags & flag) !== 0;
  const canWriteZeroes = has(TRANSMISSION_FLAG.SEND_WRITE_ZEROES);
  return {
    sizeBytes: Number(size),
    isReadOnly: has(TRANSMISSION_FLAG.READ_ONLY),
    isRotational: has(TRANSMISSION_FLAG.ROTATIONAL),
    canFlush: has(TRANSMISSION_FLAG.SEND_FLUSH),
    canFua: has(TRANSMISSION_FLAG.SEND_FUA),
    canTrim: has(TRANSMISSION_FLAG.SEND_TRIM),
    canWriteZeroes,
    canFastZero: canWriteZeroes && has(TRANSMISSION_FLAG.SEND_FAST_ZERO),
    canCache: has(TRANSMISSION_FLAG.SEND_CACHE),
    canMultiConn: has(TRANSMISSION_FLAG.CAN_MULTI_CONN),
  };
}

const isPowerOfTwo = (value: number) => value > 0 && Number.isInteger(Math.log2(value));

/** The three block sizes, twelve bytes, within what the specification allows. */
export function parseBlockSize(told: Buffer): BlockSize {
  if (told.length !== 12) throw protocolError(`block sizes have ${told.length + 2} bytes`);
  const minimum = told.readUInt32BE(0);
  const preferred = told.readUInt32BE(4);
  const most = told.readUInt32BE(8);
  if (!isPowerOfTwo(minimum) || minimum > 2 ** 16) {
    throw protocolError(`its minimum block size is ${minimum}, not a power of two up to 65536`);
  }
  if (!isPowerOfTwo(preferred) || preferred < Math.max(minimum, 512)) {
    throw protocolError(
      `its preferred block size is ${preferred}, not a power of two from ${Math.max(minimum, 512)} on`,
    );
  }
  if (most < preferred) {
    throw protocolError(`its most payload is ${most}, less than the block size it prefers`);
  }
  return { minimum, preferred, most };
}
