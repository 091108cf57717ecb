/**
 * LZ4 block encoder whose output equals, byte for byte, that of the reference library's LZ4_compress_default for inputs
 * of up to 64 KiB (its "byU16" table: 8192 entries of 16 bits, four-byte hash, acceleration 1). The block format is
 * public: lz4_Block_format.md of the lz4 project; the end-of-block rules and the skip schedule are the library's, since
 * equal bytes are the point: the sizes predict what a kernel's zram would store.
 *
 * Reads nothing outside [source, source + length), but for literals, copied 16 bytes at a time: up to 15 bytes after
 * it. Writes at most lz4Bound(length) bytes and up to 31 more as scratch.
 */

/**
 * Entries of the hash table, 16 bits each: positions of the input, 0 where nothing was seen (as the library has it).
 */
const HASH_BITS: u32 = 13;
export const LZ4_TABLE_BYTES: usize = (<usize>1 << HASH_BITS) * 2;

const MIN_MATCH: usize = 4;
/** The last match starts at least 12 bytes before the end ... */
const MATCH_START_LIMIT: usize = 12;
/** ... and the last 5 bytes are literals. */
const LAST_LITERALS: usize = 5;
const SKIP_TRIGGER: u32 = 6;

/** Bytes an incompressible input of `length` bytes can take. */
// @ts-ignore: decorator
@inline
export function lz4Bound(length: usize): usize {
  return length + length / 255 + 16;
}

/** The table's address for the four bytes `word`. */
// @ts-ignore: decorator
@inline
function slotOf(table: usize, word: u32): usize {
  return table + <usize>(((word * 2654435761) >> (32 - HASH_BITS)) << 1);
}

/** Bytes equal at `here` and `there` (there < here), looking no further than `limit`. */
// @ts-ignore: decorator
@inline
export function commonLength(here: usize, there: usize, limit: usize): usize {
  const start = here;
  while (here + 8 <= limit) {
    const difference = load<u64>(here) ^ load<u64>(there);
    if (difference) return here - start + <usize>(ctz(difference) >> 3);
    here += 8;
    there += 8;
  }
  if (here + 4 <= limit && load<u32>(here) == load<u32>(there)) {
    here += 4;
    there += 4;
  }
  if (here + 2 <= limit && load<u16>(here) == load<u16>(there)) {
    here += 2;
    there += 2;
  }
  if (here < limit && load<u8>(here) == load<u8>(there)) here++;
  return here - start;
}

/** Writes what a length of `rest` beyond its four bits takes: bytes of 255, then the remainder. */
// @ts-ignore: decorator
@inline
export function putLength(output: usize, rest: usize): usize {
  while (rest >= 255) {
    store<u8>(output++, 255);
    rest -= 255;
  }
  store<u8>(output, <u8>rest);
  return output + 1;
}

/** Copies `length` literals 16 bytes at a time. */
// @ts-ignore: decorator
@inline
export function putLiterals(output: usize, from: usize, length: usize): usize {
  const end = output + length;
  v128.store(output, v128.load(from));
  output += 16;
  while (output < end) {
    from += 16;
    v128.store(output, v128.load(from));
    output += 16;
  }
  return end;
}

/** Writes the last sequence, literals only. */
export function putTail(output: usize, anchor: usize, end: usize): usize {
  const rest = end - anchor;
  if (rest < 15) {
    store<u8>(output++, <u8>(rest << 4));
  } else {
    store<u8>(output++, 0xf0);
    output = putLength(output, rest - 15);
  }
  memory.copy(output, anchor, rest);
  return output + rest;
}

/**
 * Compresses `length` (1 to 65,536) bytes at `source` to `target`, which holds lz4Bound(length) + 32 bytes; `table` is
 * LZ4_TABLE_BYTES of scratch. Returns the compressed length.
 */
export function lz4Encode(source: usize, length: usize, target: usize, table: usize): usize {
  const end = source + length;
  let anchor = source;
  let output = target;

  if (length > MATCH_START_LIMIT) {
    const matchStartEnd = end - MATCH_START_LIMIT + 1;
    const matchEnd = end - LAST_LITERALS;
    memory.fill(table, 0, LZ4_TABLE_BYTES);

    // Position 0 is what an empty table entry says too, so the first bytes need not be entered.
    let here = source + 1;
    let word = load<u32>(here);
    let slot = slotOf(table, word);

    while (true) {
      let there: usize;
      let next = here;
      let step: usize = 1;
      let attempts: u32 = 1 << SKIP_TRIGGER;
      let token: usize;

      while (true) {
        here = next;
        next += step;
        step = attempts++ >> SKIP_TRIGGER;
        if (next > matchStartEnd) return putTail(output, anchor, end) - target;
        there = source + <usize>load<u16>(slot);
        store<u16>(slot, <u16>(here - source));
        const nextWord = load<u32>(next);
        const nextSlot = slotOf(table, nextWord);
        if (load<u32>(there) == word) break;
        word = nextWord;
        slot = nextSlot;
      }

      while (here > anchor && there > source && load<u8>(here - 1) == load<u8>(there - 1)) {
        here--;
        there--;
      }

      const literals = here - anchor;
      token = output++;
      let nibble: u32 = <u32>literals << 4;
      if (literals >= 15) {
        nibble = 0xf0;
        output = putLength(output, literals - 15);
      }
      output = putLiterals(output, anchor, literals);

      while (true) {
        store<u16>(output, <u16>(here - there));
        output += 2;
        const extra = commonLength(here + MIN_MATCH, there + MIN_MATCH, matchEnd);
        here += extra + MIN_MATCH;
        if (extra < 15) {
          store<u8>(token, <u8>(nibble | <u32>extra));
        } else {
          store<u8>(token, <u8>(nibble | 15));
          output = putLength(output, extra - 15);
        }
        anchor = here;
        if (here >= matchStartEnd) return putTail(output, anchor, end) - target;

        store<u16>(slotOf(table, load<u32>(here - 2)), <u16>(here - 2 - source));
        word = load<u32>(here);
        slot = slotOf(table, word);
        there = source + <usize>load<u16>(slot);
        store<u16>(slot, <u16>(here - source));
        if (load<u32>(there) != word) break;
        token = output++;
        nibble = 0;
      }

      here++;
      word = load<u32>(here);
      slot = slotOf(table, word);
    }
  }

  return putTail(output, anchor, end) - target;
}
