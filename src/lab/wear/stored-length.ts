/** The length a page is stored in: what the codec makes of it, or the whole page where that does not pay. */

import type { Codec } from "../../../codecs/codec.ts";
import { getCodec } from "../../../codecs/registry.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { COMPRESSED_BYTES_MAX } from "../zram.ts";
import { DEFAULT_CHAIN_PAGES, zsmalloc } from "../zsmalloc.ts";

export class StoredLength {
  readonly #codec: Codec;
  readonly #target = new Uint8Array(COMPRESSED_BYTES_MAX);
  readonly #hugeBytes = zsmalloc(DEFAULT_CHAIN_PAGES).hugeThresholdBytes;

  /** The codec has to be loaded. */
  constructor(codec: string) {
    this.#codec = getCodec(codec);
  }

  of(page: Uint8Array): number {
    const length = this.#codec.compress(page, this.#target);
    return length === 0 || length >= this.#hugeBytes ? PAGE_BYTES : length;
  }
}
