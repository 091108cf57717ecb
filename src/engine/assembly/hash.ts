/**
 * The keyed 64-bit hash of a page, and the two tests that touch all of its bytes.
 *
 * NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, 1999) over 32-bit words with a key as long as the page: for two
 * different pages, whatever they are, the sums are equal with probability 2^-32 at most over the choice of the key.
 * Four sums are kept apart and mixed with a secret per domain, so that equal pages of two domains have unrelated
 * hashes. An attacker who does not know the key cannot aim for collisions; bytes are compared before anything is shared
 * all the same.
 */

import { PAGE_BYTES } from "./layout";

/** 4096 bytes of NH key; the host fills it with secret bytes. */
export const KEY = memory.data(4096, 64);

let maskBits: u64 = u64.MAX_VALUE;

/** For tests alone: keeps only these bits of every hash, so that collisions happen. */
export function setHashMask(mask: u64): void {
  maskBits = mask;
}

/** The hash of the page at `page`; `secret` is its domain's. */
export function hashPage(page: usize, secret: u64): u64 {
  let a = i64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  const end = page + PAGE_BYTES;
  let key = KEY;
  while (page < end) {
    const w = i32x4.add(v128.load(page), v128.load(key));
    const x = i32x4.add(v128.load(page, 16), v128.load(key, 16));
    const y = i32x4.add(v128.load(page, 32), v128.load(key, 32));
    const z = i32x4.add(v128.load(page, 48), v128.load(key, 48));
    a = i64x2.add(a, i64x2.extmul_low_i32x4_u(w, x));
    b = i64x2.add(b, i64x2.extmul_high_i32x4_u(w, x));
    c = i64x2.add(c, i64x2.extmul_low_i32x4_u(y, z));
    d = i64x2.add(d, i64x2.extmul_high_i32x4_u(y, z));
    page += 64;
    key += 64;
  }
  a = i64x2.add(a, c);
  b = i64x2.add(b, d);
  let hash = secret;
  hash = mix(hash ^ i64x2.extract_lane(a, 0));
  hash = mix(hash ^ i64x2.extract_lane(a, 1));
  hash = mix(hash ^ i64x2.extract_lane(b, 0));
  hash = mix(hash ^ i64x2.extract_lane(b, 1));
  return hash & maskBits;
}

/** A bijection in which every input bit moves every output bit (the finaliser of MurmurHash3, Appleby). */
// @ts-ignore: decorator
@inline
function mix(word: u64): u64 {
  word ^= word >> 33;
  word *= 0xff51afd7ed558ccd;
  word ^= word >> 33;
  word *= 0xc4ceb9fe1a85ec53;
  return word ^ (word >> 33);
}

/** Whether every 8-byte word of the page equals its first. Most pages differ in the last or the second word already. */
export function isSameFilled(page: usize): bool {
  const word = load<u64>(page);
  if (load<u64>(page, 4088) != word || load<u64>(page, 8) != word) return false;
  const all = i64x2.splat(word);
  for (const end = page + PAGE_BYTES; page < end; page += 64) {
    const first = v128.or(v128.xor(v128.load(page), all), v128.xor(v128.load(page, 16), all));
    const second = v128.or(v128.xor(v128.load(page, 32), all), v128.xor(v128.load(page, 48), all));
    if (v128.any_true(v128.or(first, second))) return false;
  }
  return true;
}

export function equalPages(one: usize, other: usize): bool {
  for (const end = one + PAGE_BYTES; one < end; one += 64, other += 64) {
    const first = v128.or(
      v128.xor(v128.load(one), v128.load(other)),
      v128.xor(v128.load(one, 16), v128.load(other, 16)),
    );
    const second = v128.or(
      v128.xor(v128.load(one, 32), v128.load(other, 32)),
      v128.xor(v128.load(one, 48), v128.load(other, 48)),
    );
    if (v128.any_true(v128.or(first, second))) return false;
  }
  return true;
}
