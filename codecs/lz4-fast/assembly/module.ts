/** The codec by itself, for experiments outside the engine: the caller owns the memory and says where things lie. */

import { lz4FastEncode } from "./encode";
import { lz4Decode } from "../../lz4/assembly/decode";

/** The encoder's scratch. */
const TABLE = memory.data(16384, 64);

export function encode(source: usize, length: usize, target: usize): usize {
  return lz4FastEncode(source, length, target, TABLE);
}

export function decode(source: usize, sourceLength: usize, target: usize, targetLength: usize): i32 {
  return lz4Decode(source, sourceLength, target, targetLength);
}

/** Where the caller's part of the memory begins. */
export function freeStart(): usize {
  return __heap_base;
}
