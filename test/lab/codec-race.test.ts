import { describe, expect, it } from "vitest";
import type { Codec } from "../../codecs/codec.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { CodecRace } from "../../src/lab/codec-race.ts";

/** A codec that takes 4 µs to make a page 100 bytes long and 2 µs to give it back, by its clock. */
function fakeCodec(clock: ManualClock, options: { readonly wrongFrom?: number } = {}): Codec {
  const pages: Uint8Array[] = [];
  return {
    name: "fake",
    compress(source, target) {
      clock.advance(4e-6);
      pages.push(source.slice());
      new DataView(target.buffer, target.byteOffset).setUint32(0, pages.length - 1);
      return 100;
    },
    decompress(source, target) {
      clock.advance(2e-6);
      const number = new DataView(source.buffer, source.byteOffset).getUint32(0);
      target.set(pages[number]!);
      if (number >= (options.wrongFrom ?? Number.POSITIVE_INFINITY))
        target[4095] = target[4095]! ^ 1;
      return target.length;
    },
  };
}

const PAGES = Array.from({ length: 10 }, (_, number) => new Uint8Array(4096).fill(number));

describe("CodecRace", () => {
  it("gives times per page of the calls alone", () => {
    const clock = new ManualClock();
    const race = new CodecRace(fakeCodec(clock), { clock, chainPages: 8, groupPages: 10 });
    race.run(PAGES);
    race.run(PAGES.slice(3));
    expect(race.codecResult()).toMatchObject({
      compress_us_per_page: 4,
      decompress_us_per_page: 2,
      compr_data_size: 1700,
      ratio: 40.96,
    });
  });

  it("refuses a codec that gives back other bytes, and names the page", () => {
    const clock = new ManualClock();
    const codec = fakeCodec(clock, { wrongFrom: 20 });
    const race = new CodecRace(codec, { clock, chainPages: 8, groupPages: 10 });
    race.run(PAGES);
    expect(() => race.run(PAGES)).toThrow(
      expect.objectContaining({
        code: "CORRUPT",
        message: expect.stringMatching(/^codec fake gave back other bytes for page 10 of/),
      }),
    );
  });

  it("has no ratio and no times where there was no page to compress", () => {
    const clock = new ManualClock();
    const race = new CodecRace(fakeCodec(clock), { clock, chainPages: 8, groupPages: 10 });
    race.addSameFilled();
    race.run([]);
    expect(race.codecResult()).toMatchObject({
      ratio: null,
      compress_us_per_page: null,
      decompress_us_per_page: null,
      class_histogram: [],
    });
    expect(race.zramResult().same_pages).toBe(1);
  });
});
