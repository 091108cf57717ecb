/** The codecs that run inside the core, by the number in their `CodecDefinition.kernel`. */

import { lz4Encode } from "../../../codecs/lz4/assembly/encode";
import { lz4Decode } from "../../../codecs/lz4/assembly/decode";
import { lz4FastEncode } from "../../../codecs/lz4-fast/assembly/encode";
import { PAGE_BYTES } from "./layout";

export const HOST: i32 = 0;
export const LZ4: i32 = 1;
export const LZ4_FAST: i32 = 2;

/** LZ4_TABLE_BYTES of scratch. */
const TABLE = memory.data(16384, 64);

/** Compresses the page to `target`: the length. */
// @ts-ignore: decorator
@inline
export function encode(kernel: i32, page: usize, target: usize): u32 {
  return kernel == LZ4
    ? <u32>lz4Encode(page, PAGE_BYTES, target, TABLE)
    : <u32>lz4FastEncode(page, PAGE_BYTES, target, TABLE);
}

/** Decodes an object of either kernel: false if its bytes are damaged. */
// @ts-ignore: decorator
@inline
export function decode(source: usize, length: u32, target: usize): bool {
  return lz4Decode(source, length, target, PAGE_BYTES) == <i32>PAGE_BYTES;
}
