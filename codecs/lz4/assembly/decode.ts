/**
 * LZ4 block decoder for blocks whose decoded length is known. Accepts every valid block of that length, refuses every
 * other input, and touches no byte outside [source, source + sourceLength) and [target, target + targetLength),
 * whatever it is fed.
 *
 * Far from both ends bytes move 16 at a time and may run ahead of what is decoded (never past the target); a match
 * closer than 16 bytes is a repeating pattern: it is spread over one vector with a shuffle and laid down again and
 * again. Near an end the same sequence is done byte by byte.
 */

/** While at least this much room is left on both sides, whole vectors may be read and written. */
const INPUT_MARGIN: usize = 32;
const OUTPUT_MARGIN: usize = 64;

/** Row d, 1 to 15: lane i takes byte i mod d. */
const SPREAD = memory.data<u8>([
  0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
  0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0, 0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1, 0,1,2,0,1,2,0,1,2,0,1,2,0,1,2,0,
  0,1,2,3,0,1,2,3,0,1,2,3,0,1,2,3, 0,1,2,3,4,0,1,2,3,4,0,1,2,3,4,0, 0,1,2,3,4,5,0,1,2,3,4,5,0,1,2,3,
  0,1,2,3,4,5,6,0,1,2,3,4,5,6,0,1, 0,1,2,3,4,5,6,7,0,1,2,3,4,5,6,7, 0,1,2,3,4,5,6,7,8,0,1,2,3,4,5,6,
  0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5, 0,1,2,3,4,5,6,7,8,9,10,0,1,2,3,4, 0,1,2,3,4,5,6,7,8,9,10,11,0,1,2,3,
  0,1,2,3,4,5,6,7,8,9,10,11,12,0,1,2, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,0,1, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,0,
], 16);

/** Entry d: the largest multiple of d that is at most 16. */
const STRIDE = memory.data<u8>([0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15]);

/**
 * Decodes `sourceLength` bytes at `source` into exactly `targetLength` bytes at `target`.
 * Returns targetLength, or -1 if the input is not a block of that length.
 */
export function lz4Decode(source: usize, sourceLength: usize, target: usize, targetLength: usize): i32 {
  const sourceEnd = source + sourceLength;
  const targetEnd = target + targetLength;
  // A short input or output has no fast part: the limits then lie before the starts.
  const sourceFast: usize = sourceLength > INPUT_MARGIN ? sourceEnd - INPUT_MARGIN : source;
  const targetFast: usize = targetLength > OUTPUT_MARGIN ? targetEnd - OUTPUT_MARGIN : target;
  let input = source;
  let output = target;

  while (true) {
    let literals: usize;
    let length: usize;
    let offset: usize;

    if (input < sourceFast && output < targetFast) {
      // Within the margins: a token, up to 14 literals and an offset are there to be read without a look at the end.
      const token = <usize>load<u8>(input++);
      literals = token >> 4;
      length = token & 15;
      if (literals != 15) {
        v128.store(output, v128.load(input));
        input += literals;
        output += literals;
        offset = <usize>load<u16>(input);
        input += 2;
        if (offset - 1 >= output - target) return -1;
        if (offset >= 8) {
          // Eight bytes at a time although sixteen would do: a vector more often straddles two stores that are still
          // under way, and then waits for both (one vector for up to 16 bytes: 1.66 / 1.57 / 1.28 us a page on guests
          // a, b, c; this: 1.58 / 1.50 / 1.21; AMD EPYC, Node 20.20, 2026-11). Also slower: vectors of 32 (1.94 / 1.86
          // / 1.52), the first extension byte taken without a branch (2.4 / 2.1 / 1.6).
          if (length <= 4) {
            store<u64>(output, load<u64>(output - offset));
            output += length + 4;
            continue;
          }
          if (length <= 12) {
            const from = output - offset;
            store<u64>(output, load<u64>(from));
            store<u64>(output, load<u64>(from, 8), 8);
            output += length + 4;
            continue;
          }
        } else if (length <= 12) {
          const spread = v128.load(SPREAD + (offset << 4));
          v128.store(output, v128.swizzle(v128.load(output - offset), spread));
          output += length + 4;
          continue;
        }
      } else {
        while (true) {
          if (input >= sourceEnd) return -1;
          const more = <usize>load<u8>(input++);
          literals += more;
          if (more != 255) break;
        }
        if (literals > <usize>(sourceEnd - input) || literals > targetEnd - output) return -1;
        if (input + literals < sourceFast && output + literals < targetFast) {
          const stop = output + literals;
          const resume = input + literals;
          do {
            v128.store(output, v128.load(input));
            output += 16;
            input += 16;
          } while (output < stop);
          output = stop;
          input = resume;
        } else {
          memory.copy(output, input, literals);
          output += literals;
          input += literals;
          if (input == sourceEnd) return output == targetEnd ? <i32>targetLength : -1;
          if (sourceEnd - input < 2) return -1;
        }
        offset = <usize>load<u16>(input);
        input += 2;
      }
    } else {
      if (input >= sourceEnd) return -1;
      const token = <usize>load<u8>(input++);
      literals = token >> 4;
      length = token & 15;
      if (literals == 15) {
        while (true) {
          if (input >= sourceEnd) return -1;
          const more = <usize>load<u8>(input++);
          literals += more;
          if (more != 255) break;
        }
      }
      if (literals > <usize>(sourceEnd - input) || literals > targetEnd - output) return -1;
      for (const stop = output + literals; output < stop; ) store<u8>(output++, load<u8>(input++));
      if (input == sourceEnd) return output == targetEnd ? <i32>targetLength : -1;
      if (sourceEnd - input < 2) return -1;
      offset = <usize>load<u16>(input);
      input += 2;
    }

    if (length == 15) {
      while (true) {
        if (input >= sourceEnd) return -1;
        const more = <usize>load<u8>(input++);
        length += more;
        if (more != 255) break;
      }
    }
    length += 4;
    if (offset - 1 >= output - target || length > targetEnd - output) return -1;
    let from = output - offset;
    const stop = output + length;
    if (stop < targetFast) {
      if (offset >= 16) {
        do {
          v128.store(output, v128.load(from));
          output += 16;
          from += 16;
        } while (output < stop);
      } else {
        const pattern = v128.swizzle(v128.load(from), v128.load(SPREAD + (offset << 4)));
        const stride = <usize>load<u8>(STRIDE + offset);
        do {
          v128.store(output, pattern);
          output += stride;
        } while (output < stop);
      }
      output = stop;
    } else {
      while (output < stop) store<u8>(output++, load<u8>(from++));
    }
  }
}
