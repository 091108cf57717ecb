import { describe, expect, it } from "vitest";
import { UnitModel } from "../../src/lab/unit-model.ts";
import { ZramModel } from "../../src/lab/zram.ts";
import { zsmalloc } from "../../src/lab/zsmalloc.ts";

const PAGE = 4096;
/** From this length on the kernel stores a page raw, at chain size 8. */
const THRESHOLD = 3625;

describe("UnitModel", () => {
  it.each([4, 8, 16])(
    "says of units of one page what the model of zram says, at chain size %i",
    (chain) => {
      const units = new UnitModel(zsmalloc(chain));
      const zram = new ZramModel("lz4", chain);
      for (let length = 0; length <= PAGE + 20; length++) {
        units.add(length, PAGE);
        zram.addCompressed(length);
      }
      expect({
        compr_data_size: units.comprDataSize,
        mem_used_total: units.memUsedTotal,
        huge_pages: units.hugeUnits,
      }).toEqual({
        compr_data_size: zram.mmStat().compr_data_size,
        mem_used_total: zram.mmStat().mem_used_total,
        huge_pages: zram.mmStat().huge_pages,
      });
    },
  );

  it("places whole pages by themselves and the rest in its class", () => {
    const model = new UnitModel(zsmalloc(8));
    // With its handle the rest fills a place of 2048 bytes, of which a page has two.
    model.add(2 * PAGE + 2040, 4 * PAGE);
    expect(model).toMatchObject({ placedDataSize: 2 * PAGE + 2048, memUsedTotal: 3 * PAGE });
    model.add(2 * PAGE + 2040, 4 * PAGE);
    expect(model).toMatchObject({ placedDataSize: 5 * PAGE, memUsedTotal: 5 * PAGE });
    expect(model).toMatchObject({ comprDataSize: 4 * PAGE + 4080, hugeUnits: 0 });
  });

  it("places what fills its pages exactly in those alone", () => {
    const model = new UnitModel(zsmalloc(8));
    model.add(3 * PAGE, 8 * PAGE);
    expect(model).toMatchObject({ placedDataSize: 3 * PAGE, memUsedTotal: 3 * PAGE });
  });

  it("counts what a class loses at the end of a zspage to the objects in it", () => {
    const model = new UnitModel(zsmalloc(8));
    // 4 pages hold 5 places of 3264 bytes and 64 bytes that are nobody's.
    model.add(3250, 2 * PAGE);
    expect(model).toMatchObject({
      placedDataSize: Math.round((4 * PAGE) / 5),
      memUsedTotal: 16384,
    });
  });

  it.each([
    { length: 0, isHuge: true },
    { length: 15 * PAGE + THRESHOLD - 1, isHuge: false },
    { length: 15 * PAGE + THRESHOLD, isHuge: true },
    { length: 17 * PAGE, isHuge: true },
  ])("stores 64 KiB raw where compressing saves no page: $length", ({ length, isHuge }) => {
    const model = new UnitModel(zsmalloc(8));
    expect(model.isHuge(length, 16 * PAGE)).toBe(isHuge);
    model.add(length, 16 * PAGE);
    expect(model).toMatchObject({
      comprDataSize: isHuge ? 16 * PAGE : length,
      hugeUnits: isHuge ? 1 : 0,
    });
  });
});
