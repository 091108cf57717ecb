import { beforeAll, describe, expect, it } from "vitest";
import type { Codec } from "../../codecs/codec.ts";
import { getCodec, loadCodec } from "../../codecs/registry.ts";
import { predictZram, ZramModel } from "../../src/lab/zram.ts";
import { fixturePages } from "../support/fixtures.ts";

/**
 * mm_stat of real devices: Linux 6.18, chain size 8, zram with lz4, each fixture written once from start to end with
 * O_DIRECT, measured 2026-11-21. The kernel's encoder is not quite the library's, hence the tolerance.
 */
const KERNEL = [
  { name: "guest-a-node", mm: [16_601_088, 6_008_287, 7_294_976], same: 28, huge: 21 },
  { name: "guest-b-node", mm: [16_379_904, 6_963_125, 8_695_808], same: 52, huge: 20 },
  { name: "guest-c-python", mm: [16_711_680, 4_461_641, 5_505_024], same: 0, huge: 1 },
] as const;

describe.each(KERNEL)("predictZram for $name", ({ name, mm, same, huge }) => {
  let stat: Awaited<ReturnType<typeof predictZram>>;

  beforeAll(async () => {
    await loadCodec("lz4");
    stat = await predictZram([fixturePages(name)], { codec: getCodec("lz4") });
  });

  it("gives the kernel's page counts", () => {
    expect(stat).toMatchObject({ orig_data_size: mm[0], same_pages: same, huge_pages: huge });
  });

  it("gives the kernel's compr_data_size within 0.05 %", () => {
    expect(Math.abs(stat.compr_data_size / mm[1] - 1)).toBeLessThan(0.0005);
  });

  it("gives the kernel's mem_used_total within 0.5 %", () => {
    expect(Math.abs(stat.mem_used_total / mm[2] - 1)).toBeLessThan(0.005);
  });
});

describe("ZramModel", () => {
  it("stores from the huge threshold on a whole page", () => {
    const model = new ZramModel("lz4");
    for (const length of [3624, 3625, 4096, 0]) model.addCompressed(length);
    expect(model.mmStat()).toMatchObject({ huge_pages: 3, compr_data_size: 3624 + 3 * 4096 });
    // Eight pages for the started zspage of class 3632, one for each huge page.
    expect(model.mmStat().mem_used_total).toBe(11 * 4096);
  });

  it("counts same-filled pages in orig_data_size and nowhere else", () => {
    const model = new ZramModel("lz4");
    model.addSameFilled();
    expect(model.mmStat()).toMatchObject({
      orig_data_size: 4096,
      compr_data_size: 0,
      mem_used_total: 0,
      same_pages: 1,
    });
  });

  it("has a histogram that adds up to its totals", () => {
    const model = new ZramModel("lz4");
    for (let length = 1; length <= 4096; length += 3) model.addCompressed(length);
    const histogram = model.histogram();
    const sum = (key: "objects" | "mem_used") =>
      histogram.reduce((total, one) => total + one[key], 0);
    expect(sum("objects")).toBe(Math.ceil(4096 / 3));
    expect(sum("mem_used")).toBe(model.mmStat().mem_used_total);
  });

  it.each([
    { codec: "lz4", chain: 8, checked: true, in_kernel: true },
    { codec: "lz4", chain: 4, checked: false, in_kernel: true },
    { codec: "zstd:3", chain: 8, checked: false, in_kernel: true },
    { codec: "lz4-fast", chain: 8, checked: false, in_kernel: false },
  ])(
    "says of $codec at chain size $chain what a kernel has confirmed",
    ({ codec, chain, ...says }) => {
      expect(new ZramModel(codec, chain).mmStat()).toMatchObject(says);
    },
  );
});

describe("predictZram", () => {
  it("asks the codec about no same-filled page", async () => {
    const asked: number[] = [];
    const codec: Codec = {
      name: "spy",
      compress: (source) => asked.push(source[0]!),
      decompress: () => -1,
    };
    const pages = new Uint8Array(3 * 4096);
    pages.fill(9, 4096, 8192);
    pages[8192] = 7;
    const stat = await predictZram([pages], { codec });
    expect(asked).toEqual([7]);
    expect(stat.same_pages).toBe(2);
  });
});
