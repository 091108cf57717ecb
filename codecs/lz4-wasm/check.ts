/**
 * Walks an LZ4 block without decoding it. lz4-wasm's decoder takes an offset of zero, which the format forbids, and
 * answers with whatever its memory held there: bytes of other pages. So nothing reaches it that has not passed here.
 *
 * Format: LZ4 Block Format Description, a sequence being token, literal length, literals, offset, match length; the
 * last one ends after its literals.
 */

const MATCH_BYTES_MIN = 4;
const LENGTH_MORE = 15;

/** Whether `source` is a well-formed LZ4 block that decodes to exactly `targetBytes` bytes. */
export function isBlockOf(source: Uint8Array, targetBytes: number): boolean {
  const end = source.length;
  let position = 0;
  let produced = 0;
  while (position < end) {
    const token = source[position++]!;
    let literals = token >>> 4;
    if (literals === LENGTH_MORE) {
      let more = 255;
      while (more === 255) {
        if (position >= end) return false;
        more = source[position++]!;
        literals += more;
      }
    }
    position += literals;
    produced += literals;
    if (position >= end) return position === end && produced === targetBytes;
    if (position + 2 > end) return false;
    const offset = source[position]! | (source[position + 1]! << 8);
    position += 2;
    if (offset === 0 || offset > produced) return false;
    let match = token & 15;
    if (match === LENGTH_MORE) {
      let more = 255;
      while (more === 255) {
        if (position >= end) return false;
        more = source[position++]!;
        match += more;
      }
    }
    produced += match + MATCH_BYTES_MIN;
  }
  return false;
}
