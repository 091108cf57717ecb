/** The check itself, small: fewer segments and wider bounds than `pagefold wear --check` has. */

import { describe, expect, it } from "vitest";
import { checkWear, QUICK_CHECK } from "../../../src/lab/wear/check.ts";

const SEED = 20_261_126;

describe("checkWear", () => {
  it("finds every small configuration within its bounds", async () => {
    const rows = await checkWear({ size: QUICK_CHECK, seed: SEED });
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    expect(new Set(rows.map(({ section }) => section)).size).toBe(5);
  });
});
