/** `npm start`, run once as a user does; the numbers it prints are added up again. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Finished, finished } from "./pagefold.ts";

const START = fileURLToPath(new URL("../../src/cli/start.ts", import.meta.url));

let text: Finished;

/** The bytes in the line of a term. */
function bytesOf(term: string): number {
  const match = new RegExp(`^ +[=+]? +${term} +([\\d,]+) +[\\d.]+ %`, "m").exec(text.stdout);
  return Number(match?.[1]?.replaceAll(",", ""));
}

beforeAll(async () => {
  // Away from the project's folder: the fixtures have to be found all the same.
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  text = await finished(spawn(process.execPath, ["--import", "tsx", START], { cwd }));
}, 120_000);

describe("npm start", () => {
  it("exits with 0 and says nothing on standard error, without a terminal", () => {
    expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 0, stderr: "" });
    expect(text.stdout).not.toContain("\u001b");
  });

  it("writes all pages, overwrites a quarter, discards a tenth and reads all back", () => {
    const pages = (done: string) =>
      Number(new RegExp(`^  ${done} +([\\d,]+) `, "m").exec(text.stdout)?.[1]?.replace(",", ""));
    expect(pages("written")).toBe(12_132);
    expect(pages("overwritten") / 12_132).toBeCloseTo(0.25, 2);
    expect(pages("discarded") / 12_132).toBeCloseTo(0.1, 2);
    expect(pages("read back")).toBe(12_132);
  });

  it("prints an accounting identity whose terms add up", () => {
    expect(text.stdout).toContain("The identity holds exactly: 0 bytes of difference");
    const terms = ["same-filled", "duplicates", "compression", "compr_data_size", "bd_data_size"];
    const sum = terms.reduce((total, term) => total + bytesOf(term), 0);
    expect(sum).toBe(bytesOf("orig_data_size"));
    expect(sum % 4096).toBe(0);
    expect(sum).toBeGreaterThan(0);
  });

  it("prints the analysis of the same pages", () => {
    expect(text.stdout).toMatch(
      /12,132 pages of 4096 bytes[\s\S]*The codecs[\s\S]*Where it goes in pagefold[\s\S]*mm_stat/,
    );
  });
});
