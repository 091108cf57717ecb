/**
 * A client that keeps to the protocol and knows what its export holds: every answer it gets has to be right. Requests
 * under way at the same time are for places of their own, so that each has one right answer.
 */

import { expect } from "vitest";
import type { SeededRandom } from "../../../src/base/random.ts";
import { noise, POPULAR, pick } from "./hostile-bytes.ts";
import type { RawClient } from "./raw-client.ts";
import { takeMessage } from "./take-reply.ts";
import { bytes, CMD, ERR, FLAG, request } from "./wire.ts";

const PAGE = 4096;
/** Places; each has one request at a time. */
const PLACES = 8;

/** What was asked and what has come of it. */
interface Asked {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  readonly payload: Buffer;
  readonly found: Buffer;
  error: number;
  extents: (readonly [length: number, status: number])[];
}

export class HonestClient {
  readonly #client: RawClient;
  readonly #content: Buffer;
  readonly #hasStatus: boolean;

  /** `client` is in its transmission phase, with an export of zeros of that size. */
  constructor(client: RawClient, sizeBytes: number, hasStatus: boolean) {
    this.#client = client;
    this.#content = Buffer.alloc(sizeBytes);
    this.#hasStatus = hasStatus;
  }

  #ask(random: SeededRandom, place: number): Asked {
    const placeBytes = this.#content.length / PLACES;
    const inPlace = random.below(2) === 0 ? random.below(placeBytes) : 0;
    const most = placeBytes - inPlace;
    const type = pick(random, [
      CMD.READ,
      CMD.READ,
      CMD.WRITE,
      CMD.WRITE,
      CMD.TRIM,
      CMD.WRITE_ZEROES,
      this.#hasStatus ? CMD.BLOCK_STATUS : CMD.CACHE,
    ]);
    const length = random.below(3) === 0 ? most : 1 + random.below(most);
    const kind = random.below(3);
    let payload: Buffer = Buffer.alloc(0);
    if (type === CMD.WRITE && kind === 0) payload = noise(random, Math.min(length, PAGE));
    else if (type === CMD.WRITE) {
      const pages = Array.from({ length: Math.ceil(length / PAGE) }, () => pick(random, POPULAR));
      payload = bytes(...pages).subarray(0, length);
    }
    return {
      type,
      offset: place * placeBytes + inPlace,
      length: type === CMD.WRITE ? payload.length : length,
      payload,
      found: Buffer.alloc(type === CMD.READ ? length : 0, 0xee),
      error: 0,
      extents: [],
    };
  }

  /** Asks for one thing in each of some places, and checks the answers. */
  async play(random: SeededRandom): Promise<void> {
    const asked = Array.from({ length: PLACES }, (_, place) => this.#ask(random, place)).filter(
      () => random.below(3) > 0,
    );
    const sent = asked.map(({ type, offset, length, payload }, cookie) => {
      const extra = type === CMD.WRITE_ZEROES ? FLAG.NO_HOLE : 0;
      const flags = (random.below(4) === 0 ? FLAG.FUA : 0) | (random.below(2) === 0 ? extra : 0);
      return request(type, { flags, cookie, offset, length, payload });
    });
    this.#client.send(...sent);
    for (let left = asked.length; left > 0; ) {
      const message = await takeMessage(this.#client, (cookie) => asked[cookie]!.found.length);
      const one = asked[message.cookie]!;
      one.error ||= message.error;
      message.data?.copy(one.found, (message.offset ?? one.offset) - one.offset);
      one.extents.push(...(message.extents ?? []));
      if (message.isDone) left -= 1;
    }
    for (const one of asked) await this.#check(one);
  }

  async #check(asked: Asked): Promise<void> {
    const { type, offset, length, error } = asked;
    const content = this.#content;
    const isRefused = error === ERR.ENOSPC && (type === CMD.WRITE || type === CMD.WRITE_ZEROES);
    if (!isRefused) expect(error, `error of command ${type}`).toBe(0);
    if (type === CMD.READ) this.#same(asked.found, offset);
    if (type === CMD.TRIM) {
      const first = Math.ceil(offset / PAGE) * PAGE;
      const end = Math.floor((offset + length) / PAGE) * PAGE;
      content.fill(0, first, Math.max(first, end));
    }
    if (type === CMD.BLOCK_STATUS) this.#checkExtents(asked);
    if (type !== CMD.WRITE && type !== CMD.WRITE_ZEROES) return;
    const wanted = Buffer.from(content);
    if (type === CMD.WRITE) asked.payload.copy(wanted, offset);
    else wanted.fill(0, offset, offset + length);
    if (isRefused) await this.#adopt(wanted, offset, length);
    else wanted.copy(content);
  }

  /** After a write that found no room midway: pages are new or as they were, each as a whole, the new ones first. */
  async #adopt(wanted: Buffer, offset: number, length: number): Promise<void> {
    const first = Math.floor(offset / PAGE) * PAGE;
    const end = Math.ceil((offset + length) / PAGE) * PAGE;
    const found = await this.#read(first, end - first);
    let isNew = true;
    for (let at = first; at < end; at += PAGE) {
      const page = found.subarray(at - first, at - first + PAGE);
      isNew &&= page.equals(wanted.subarray(at, at + PAGE));
      if (isNew) page.copy(this.#content, at);
      else this.#same(page, at);
    }
  }

  #checkExtents({ offset, length, extents }: Asked): void {
    let at = offset;
    for (const [bytesOfIt, status] of extents) {
      expect(bytesOfIt).toBeGreaterThan(0);
      const part = this.#content.subarray(at, at + bytesOfIt);
      if (status !== 0 && part.some((byte) => byte !== 0))
        expect.fail(`${bytesOfIt} bytes at ${at} are said to be zeros`);
      at += bytesOfIt;
    }
    expect(at).toBe(offset + length);
  }

  #same(found: Buffer, offset: number): void {
    const expected = this.#content.subarray(offset, offset + found.length);
    if (found.equals(expected)) return;
    const at = found.findIndex((byte, index) => byte !== expected[index]);
    expect.fail(`byte ${offset + at} of an honest client's export is not what it wrote`);
  }

  async #read(offset: number, length: number): Promise<Buffer> {
    const data = Buffer.alloc(length, 0xee);
    this.#client.send(request(CMD.READ, { cookie: 1, offset, length }));
    for (let isDone = false; !isDone; ) {
      const message = await takeMessage(this.#client, () => length);
      expect(message.error).toBe(0);
      message.data?.copy(data, (message.offset ?? offset) - offset);
      isDone = message.isDone;
    }
    return data;
  }

  /** Checks the whole export. */
  async checkAll(): Promise<void> {
    this.#same(await this.#read(0, this.#content.length), 0);
  }
}
