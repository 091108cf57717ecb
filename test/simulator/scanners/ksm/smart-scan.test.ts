/** Smart scan's schedule against the passes in which Linux 6.18 looked at pages that never merged. */

import { describe, expect, it } from "vitest";
import { SmartScan } from "../../../../src/simulator/scanners/ksm/smart-scan.ts";

/** The passes, counted from 1, in which page 0 is looked at. */
function passesSeen(smartScan: SmartScan, passes: number): number[] {
  const seen: number[] = [];
  for (let pass = 1; pass <= passes; pass++) {
    if (!smartScan.shouldSkip(0)) seen.push(pass);
  }
  return seen;
}

describe("SmartScan", () => {
  it("looks at a page in the kernel's passes, in the end in one of nine", () => {
    const kernel = [1, 2, 3, 4, 6, 9, 14, 23, 32, 41, 50];
    expect(passesSeen(new SmartScan(1, true), 50)).toEqual(kernel);
  });

  it("keeps to one pass of nine when ages end, at 255", () => {
    const seen = passesSeen(new SmartScan(1, true), 1000);
    const gaps = seen.slice(7).map((pass, index) => pass - seen[index + 6]!);
    expect(new Set(gaps)).toEqual(new Set([9]));
  });

  it("starts anew for a page with a new item", () => {
    const smartScan = new SmartScan(1, true);
    passesSeen(smartScan, 100);
    smartScan.reset(0);
    expect(passesSeen(smartScan, 9)).toEqual([1, 2, 3, 4, 6, 9]);
  });

  it("leaves nothing out while it is off, and ages nothing", () => {
    const smartScan = new SmartScan(1, false);
    expect(passesSeen(smartScan, 20)).toHaveLength(20);
    smartScan.isOn = true;
    expect(passesSeen(smartScan, 9)).toEqual([1, 2, 3, 4, 6, 9]);
  });
});
