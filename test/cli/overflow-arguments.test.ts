import { resolve } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import {
  addOverflowOptions,
  type OverflowArguments,
  overflowOptionsOf,
} from "../../src/cli/overflow-arguments.ts";
import { checkOverflowOptions, type OverflowOptions } from "../../src/device/overflow-options.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";

/** What a command with these options makes of a command line. */
function optionsOf(line: string): OverflowOptions | undefined {
  const command = addOverflowOptions(new Command().exitOverride())
    .option("--memory-limit <bytes>", "", Number)
    .option("--recompress <codecs>", "", (text) => text.split(","));
  command.parse(line.split(" ").slice(1), { from: "user" });
  return overflowOptionsOf(command.opts<OverflowArguments>());
}

const LEAST = "serve --memory-limit 1000000 --overflow log --overflow-size 1G";

describe("the --overflow options", () => {
  it("ask for nothing when none is given", () => {
    expect(optionsOf("serve --memory-limit 1000000")).toBeUndefined();
  });

  it("leave what is not said to the library", () => {
    expect(optionsOf(LEAST)).toEqual({ path: resolve("log"), sizeBytes: 2 ** 30, promote: true });
  });

  it("become the library's options, which its check takes", () => {
    const options = optionsOf(
      `${LEAST} --recompress zstd --overflow-segment 256K --overflow-plain --overflow-cleaning d-choices:4 --overflow-watermarks 60:75 --overflow-budget 20G --overflow-recompress --no-overflow-promote --overflow-endurance 600`,
    )!;
    expect(options).toEqual({
      path: resolve("log"),
      sizeBytes: 2 ** 30,
      segmentBytes: 2 ** 18,
      plain: true,
      cleaning: "d-choices:4",
      lowWatermark: 0.6,
      highWatermark: 0.75,
      budgetBytesPerDay: 20 * 2 ** 30,
      recompress: true,
      promote: false,
      enduranceCycles: 600,
    });
    expect(checkOverflowOptions(options, 1).recompresses).toBe(true);
  });

  it("take watermarks with percent signs", () => {
    const { lowWatermark, highWatermark } = optionsOf(`${LEAST} --overflow-watermarks 1%:99%`)!;
    expect([lowWatermark, highWatermark]).toEqual([0.01, 0.99]);
  });

  it.each([
    ["--overflow-size 1G", "--overflow-size"],
    ["--overflow-segment 1M", "--overflow-segment"],
    ["--overflow-plain", "--overflow-plain"],
    ["--overflow-cleaning fifo", "--overflow-cleaning"],
    ["--overflow-watermarks 80:90", "--overflow-watermarks"],
    ["--overflow-budget 1G", "--overflow-budget"],
    ["--overflow-recompress", "--overflow-recompress"],
    ["--no-overflow-promote", "--no-overflow-promote"],
    ["--overflow-endurance 5", "--overflow-endurance"],
    ["--overflow-plain --overflow-budget 1G", "--overflow-plain, --overflow-budget"],
  ])("refuse %s without --overflow", (given, says) => {
    const refused = refusal.invalid(says, "without --overflow:", "give --overflow PATH");
    expectRefusal(() => optionsOf(`serve --memory-limit 1000000 ${given}`), refused);
  });

  it.each([
    ["serve --overflow log --overflow-size 1G", "give --memory-limit"],
    ["serve --overflow log --overflow-size 1G --memory-limit 0", "give --memory-limit"],
    ["serve --overflow log --memory-limit 1000000", "needs --overflow-size"],
    [`${LEAST} --overflow-recompress`, "give --recompress CODEC"],
  ])("refuse %s, which lacks something", (line, says) => {
    expectRefusal(() => optionsOf(line), refusal.invalid("--overflow", says));
  });

  it.each(["90:80", "80:80", "0:90", "80:100", "80", ":", "0.8:0.9", "-5:90", "80:90:95"])(
    "refuse the watermarks %s",
    (text) => {
      const refused = refusal.invalid(`"${text}"`, "LOW:HIGH", "from 1 to 99", "such as 80:90");
      expectRefusal(() => optionsOf(`${LEAST} --overflow-watermarks=${text}`), refused);
    },
  );

  it("name every policy that is taken in their help", () => {
    const help = addOverflowOptions(new Command()).helpInformation().replaceAll(/\s+/g, " ");
    expect(help).toContain("fifo, greedy, cost-benefit (the default), random or d-choices:D");
    expect(optionsOf(`${LEAST} --overflow-cleaning random`)?.cleaning).toBe("d-choices:1");
  });

  it.each([
    ["--overflow=", '--overflow cannot be ""', "give the path"],
    ["--overflow-size much", '--overflow-size cannot be "much"', "512M"],
    ["--overflow-budget 0", '--overflow-budget cannot be "0"', "leave it out"],
    ["--overflow-size 0", "--overflow-size is 0; it must be a whole number from 1"],
    ["--overflow-size 3M", "--overflow-size is 3145728", "the log needs 6"],
    ["--overflow-size 300G", "--overflow-size is 322122547200", "274877906944"],
    ["--overflow-segment 3M", "--overflow-segment is 3145728; it must be a power of two"],
    ["--overflow-budget 100", "--overflow-budget is 100", "from 4108"],
    ["--overflow-cleaning lru", '"lru"', "fifo"],
    ["--overflow-endurance 0", '--overflow-endurance cannot be "0"', "from 1 to"],
  ])("refuse %s", (given, ...says) => {
    expectRefusal(() => optionsOf(`${LEAST} ${given}`), refusal.invalid(...says));
  });
});
