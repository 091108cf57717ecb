import { describe, expect, it } from "vitest";
import { ZramShadow } from "../../../src/lab/wear/zram-shadow.ts";

describe("ZramShadow", () => {
  it("has written nothing at first", () => {
    expect(new ZramShadow().figures()).toEqual({
      pages: 0,
      programmed_bytes: 0,
      blocks: 0,
      block_writes_mean: 0,
      block_writes_max: 0,
    });
  });

  it("writes a block of 4096 bytes for each slot of an object", () => {
    const zram = new ZramShadow();
    zram.placed(1, 1);
    zram.placed(2, 3);
    expect(zram.figures()).toMatchObject({ pages: 4, programmed_bytes: 16_384, blocks: 4 });
  });

  it("writes the lowest free block again and again", () => {
    const zram = new ZramShadow();
    zram.placed(1, 1);
    zram.placed(2, 1);
    for (let round = 0; round < 5; round++) {
      zram.dropped(1);
      zram.placed(1, 1);
    }
    expect(zram.figures()).toEqual({
      pages: 7,
      programmed_bytes: 7 * 4096,
      blocks: 2,
      block_writes_mean: 3.5,
      block_writes_max: 6,
    });
  });

  it("frees all blocks of a shared object with it", () => {
    const zram = new ZramShadow();
    zram.placed(1, 4);
    zram.dropped(1);
    zram.placed(2, 4);
    expect(zram.figures()).toMatchObject({ pages: 8, blocks: 4, block_writes_max: 2 });
  });

  it("takes the end of an object it was not told of for nothing", () => {
    const zram = new ZramShadow();
    zram.dropped(7);
    zram.placed(1, 1);
    expect(zram.figures().pages).toBe(1);
  });

  it("has as many blocks as it takes, and the lowest free one still", () => {
    const zram = new ZramShadow();
    for (let id = 1; id <= 5; id++) zram.placed(id, 1000);
    zram.dropped(2);
    zram.placed(6, 1001);
    expect(zram.figures()).toMatchObject({ pages: 6001, blocks: 5001, block_writes_max: 2 });
  });
});
