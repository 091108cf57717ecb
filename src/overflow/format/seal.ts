/**
 * Seals units for one life of the log, from its opening to its closing: AES-256-GCM under a key that is in memory only
 * (NIST SP 800-38D, nonces by its deterministic construction), or, plain, CRC32C alone.
 *
 * Holds always: no two units of a life have one counter, so no nonce comes twice under a key; a unit opens in the life
 * that sealed it, whole and unchanged, or not at all, and its bytes are not touched before that is known.
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { RandomSource } from "../../base/random.ts";
import { crc32c, maskCheck } from "./crc32c.ts";
import {
  LIFE_BYTES,
  readU32,
  SEALED,
  TAG_BYTES,
  UNIT,
  UNIT_HEAD_BYTES,
  UNIT_MAGIC,
  UNIT_VERSION,
  writeU16,
  writeU32,
  writeU64,
} from "./layout.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** The nonce's bytes before the counter: zero, as one device alone seals under a key. */
const NONCE_FIXED_BYTES = 4;
const TAG = { authTagLength: TAG_BYTES };

export interface SealOptions {
  /** CRC32C alone: damage is found, but whoever has the medium can read and forge. */
  readonly isPlain: boolean;
  readonly random: RandomSource;
  /** The first unit's counter, 1 unless given. */
  readonly firstCounter?: number;
}

export class Seal {
  readonly isPlain: boolean;
  /** Tells this opening's units from those of all others. */
  readonly life = new Uint8Array(LIFE_BYTES);
  /** Bytes at a unit's end that are not payload. */
  readonly tagBytes: number;
  readonly #key = new Uint8Array(KEY_BYTES);
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  #counter: number;
  #isClosed = false;

  constructor({ isPlain, random, firstCounter = 1 }: SealOptions) {
    this.isPlain = isPlain;
    this.tagBytes = isPlain ? 0 : TAG_BYTES;
    this.#counter = firstCounter;
    random(this.life);
    if (!isPlain) random(this.#key);
  }

  /** The key is overwritten: nothing is sealed any more, and nothing opens. */
  close(): void {
    this.#key.fill(0);
    this.#isClosed = true;
  }

  /** Completes the head of a unit whose payload lies in the clear, and seals it in place. */
  seal(unit: Uint8Array, records: number): void {
    assert(!this.#isClosed, "a closed log seals nothing");
    const counter = this.#counter;
    assert(Number.isSafeInteger(counter), "no counter comes twice under one key");
    this.#counter = counter + 1;
    writeU16(unit, UNIT.magic, UNIT_MAGIC);
    unit[UNIT.version] = UNIT_VERSION;
    unit[UNIT.flags] = this.isPlain ? 0 : SEALED;
    writeU32(unit, UNIT.length, unit.length);
    unit.set(this.life, UNIT.life);
    writeU64(unit, UNIT.counter, counter);
    writeU16(unit, UNIT.records, records);
    writeU16(unit, UNIT.zero, 0);
    writeU32(unit, UNIT.check, this.#checkOf(unit));
    if (!this.isPlain) this.#encrypt(unit);
  }

  /** Opens a unit in place: whether it is one of this life, whole and unchanged. It can be opened once. */
  open(unit: Uint8Array): boolean {
    if (this.#isClosed || unit.length < UNIT_HEAD_BYTES + this.tagBytes) return false;
    const flags = this.isPlain ? 0 : SEALED;
    const first = UNIT_MAGIC | (UNIT_VERSION << 16) | (flags << 24);
    if (readU32(unit, UNIT.magic) !== first || readU32(unit, UNIT.length) !== unit.length)
      return false;
    for (let index = 0; index < LIFE_BYTES; index++) {
      if (unit[UNIT.life + index] !== this.life[index]) return false;
    }
    if (readU32(unit, UNIT.check) !== this.#checkOf(unit)) return false;
    return this.isPlain || this.#decrypt(unit);
  }

  /** Of the head, and of the payload where no tag covers it. */
  #checkOf(unit: Uint8Array): number {
    const head = crc32c(unit.subarray(0, UNIT.check));
    return maskCheck(this.isPlain ? crc32c(unit.subarray(UNIT_HEAD_BYTES), head) : head);
  }

  #nonceOf(unit: Uint8Array): Uint8Array {
    const nonce = this.#nonce;
    for (let index = 0; index < NONCE_BYTES - NONCE_FIXED_BYTES; index++) {
      nonce[NONCE_FIXED_BYTES + index] = unit[UNIT.counter + index]!;
    }
    return nonce;
  }

  #encrypt(unit: Uint8Array): void {
    const end = unit.length - TAG_BYTES;
    const cipher = createCipheriv(CIPHER, this.#key, this.#nonceOf(unit), TAG);
    cipher.setAAD(unit.subarray(0, UNIT_HEAD_BYTES));
    unit.set(cipher.update(unit.subarray(UNIT_HEAD_BYTES, end)), UNIT_HEAD_BYTES);
    cipher.final();
    unit.set(cipher.getAuthTag(), end);
  }

  #decrypt(unit: Uint8Array): boolean {
    const end = unit.length - TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, this.#key, this.#nonceOf(unit), TAG);
    decipher.setAAD(unit.subarray(0, UNIT_HEAD_BYTES));
    decipher.setAuthTag(unit.subarray(end));
    const payload = decipher.update(unit.subarray(UNIT_HEAD_BYTES, end));
    try {
      decipher.final();
    } catch {
      return false;
    }
    unit.set(payload, UNIT_HEAD_BYTES);
    return true;
  }
}
