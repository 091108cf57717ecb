/**
 * One codec of an experiment: compresses and decodes groups of pages, timed, and keeps what a zram would store.
 *
 * Holds always: every page that was compressed is decoded and compared with the original; a difference is an error, so
 * a codec's figures are those of a codec that works. Times are of the calls alone, over whole groups, the group's first
 * run (cold code) left out; what a call costs that a host makes in a kernel may differ.
 */

import type { Codec } from "../../codecs/codec.ts";
import type { Clock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { CodecResult, ZramResult } from "../report/result.ts";
import { COMPRESSED_BYTES_MAX, ZramModel } from "./zram.ts";

function pieces(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  return Array.from({ length: bytes.length / pieceBytes }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  );
}

/** Runs a codec over groups of up to `groupPages` pages. */
export class CodecRace {
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #model: ZramModel;
  readonly #targets: readonly Uint8Array[];
  readonly #decoded: readonly Uint8Array[];
  readonly #lengths: Int32Array;
  #pages = 0;
  #compressSeconds = 0;
  #decompressSeconds = 0;

  constructor(
    codec: Codec,
    options: { readonly clock: Clock; readonly chainPages: number; readonly groupPages: number },
  ) {
    const { clock, chainPages, groupPages } = options;
    this.#codec = codec;
    this.#clock = clock;
    this.#model = new ZramModel(codec.name, chainPages);
    this.#targets = pieces(new Uint8Array(groupPages * COMPRESSED_BYTES_MAX), COMPRESSED_BYTES_MAX);
    this.#decoded = pieces(new Uint8Array(groupPages * PAGE_BYTES), PAGE_BYTES);
    this.#lengths = new Int32Array(groupPages);
  }

  /** Counts a same-filled page, which no codec sees. */
  addSameFilled(): void {
    this.#model.addSameFilled();
  }

  /**
   * Runs over the next pages.
   * @throws PagefoldError CORRUPT where a page comes back with other bytes.
   */
  run(pages: readonly Uint8Array[]): void {
    if (pages.length === 0) return;
    if (this.#pages === 0) this.#pass(pages);
    const { compressSeconds, decompressSeconds } = this.#pass(pages);
    this.#compressSeconds += compressSeconds;
    this.#decompressSeconds += decompressSeconds;
    for (let index = 0; index < pages.length; index++) {
      this.#model.addCompressed(this.#lengths[index]!);
      this.#compare(pages[index]!, index);
    }
    this.#pages += pages.length;
  }

  codecResult(): CodecResult {
    const { compr_data_size, mem_used_total, huge_pages } = this.#model.mmStat();
    const perPage = (seconds: number) =>
      this.#pages === 0 ? null : Number(((seconds * 1e6) / this.#pages).toFixed(3));
    return {
      name: this.#codec.name,
      compr_data_size,
      mem_used_total,
      huge_pages,
      ratio: this.#pages === 0 ? null : (this.#pages * PAGE_BYTES) / compr_data_size,
      class_histogram: this.#model.histogram(),
      compress_us_per_page: perPage(this.#compressSeconds),
      decompress_us_per_page: perPage(this.#decompressSeconds),
    };
  }

  zramResult(): ZramResult {
    return this.#model.mmStat();
  }

  #pass(pages: readonly Uint8Array[]) {
    const codec = this.#codec;
    const clock = this.#clock;
    const start = clock.seconds();
    for (let index = 0; index < pages.length; index++) {
      this.#lengths[index] = codec.compress(pages[index]!, this.#targets[index]!);
    }
    const compressSeconds = clock.seconds() - start;
    const packed = pages.map((_, index) =>
      this.#targets[index]!.subarray(0, this.#lengths[index]!),
    );
    const middle = clock.seconds();
    for (let index = 0; index < pages.length; index++) {
      const frame = packed[index]!;
      // Did not fit: stored as it is, so reading it is a copy.
      if (frame.length === 0) this.#decoded[index]!.set(pages[index]!);
      else codec.decompress(frame, this.#decoded[index]!);
    }
    return { compressSeconds, decompressSeconds: clock.seconds() - middle };
  }

  #compare(page: Uint8Array, index: number): void {
    if (Buffer.compare(page, this.#decoded[index]!) === 0) return;
    throw new PagefoldError(
      "CORRUPT",
      `codec ${this.#codec.name} gave back other bytes for page ${this.#pages + index} of those it compressed (${this.#lengths[index]!} bytes long); its figures would mean nothing: leave it out with --codecs and report it`,
    );
  }
}
