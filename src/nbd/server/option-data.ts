/** What an option's data says, read with every length checked: nothing where it is not what the option wants. */

import { MOST_STRING_BYTES } from "../protocol.ts";

/** What a client is told when an option's data cannot be read. */
export const refuse = {
  info: "wants the length of a name of at most 4096 bytes of UTF-8, the name, a count and as many items, and no more",
  metaContext:
    "wants an export's name, a count and as many queries of the form namespace:leaf, each after its length",
} as const;

export interface InfoRequest {
  readonly name: string;
  readonly items: readonly number[];
}

export interface MetaContextRequest {
  readonly name: string;
  readonly queries: readonly string[];
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class OptionReader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get #left(): number {
    return this.#data.length - this.#at;
  }

  #u32(): number | undefined {
    if (this.#left < 4) return undefined;
    this.#at += 4;
    return this.#data.readUInt32BE(this.#at - 4);
  }

  #u16(): number | undefined {
    if (this.#left < 2) return undefined;
    this.#at += 2;
    return this.#data.readUInt16BE(this.#at - 2);
  }

  /** A string of `bytes` bytes: UTF-8 without NUL. */
  text(bytes: number): string | undefined {
    if (bytes > this.#left || bytes > MOST_STRING_BYTES) return undefined;
    this.#at += bytes;
    try {
      const text = decoder.decode(this.#data.subarray(this.#at - bytes, this.#at));
      return text.includes("\0") ? undefined : text;
    } catch {
      return undefined;
    }
  }

  /** A string after its length. */
  #string(): string | undefined {
    const bytes = this.#u32();
    return bytes === undefined ? undefined : this.text(bytes);
  }

  /** The data of INFO and GO. */
  infoRequest(): InfoRequest | undefined {
    const name = this.#string();
    const count = this.#u16();
    if (name === undefined || count === undefined || this.#left !== 2 * count) return undefined;
    const items = new Set<number>();
    for (let place = 0; place < count; place++) items.add(this.#u16() ?? 0);
    return { name, items: [...items] };
  }

  /** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
  metaContextRequest(): MetaContextRequest | undefined {
    const name = this.#string();
    const count = this.#u32();
    if (name === undefined || count === undefined) return undefined;
    const queries: string[] = [];
    for (let place = 0; place < count; place++) {
      const query = this.#string();
      if (query === undefined || query.indexOf(":") < 1) return undefined;
      queries.push(query);
    }
    return this.#left === 0 ? { name, queries } : undefined;
  }
}
