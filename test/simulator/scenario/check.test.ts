import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PagefoldError } from "../../../src/base/errors.ts";
import { checkScenario } from "../../../src/simulator/scenario/check.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-scenario-"));
});
afterAll(() => rm(folder, { recursive: true }));

const GUEST = { memory: "64M", workload: { kind: "idle-desktop" } };

/** A scenario with one guest, and what else is given. */
function scenario(changes: Readonly<Record<string, unknown>> = {}) {
  return { seconds: 10, guests: [GUEST], ...changes };
}

/** What the check says of it. */
function refusal(value: unknown): string {
  try {
    checkScenario(value, "mine.json");
  } catch (cause) {
    if (!(cause instanceof PagefoldError)) throw cause;
    expect(cause.code).toBe("INVALID_ARGUMENT");
    return cause.message;
  }
  throw new Error("it was taken");
}

describe("checkScenario", () => {
  it("gives sizes in pages and fills in defaults", () => {
    const checked = checkScenario(scenario({ host: { memory: "1.5G" } }), "mine.json");
    expect(checked).toMatchObject({
      title: "Simulation",
      seconds: 10,
      stepSeconds: 0.1,
      sampleSeconds: 5,
      host: { frames: 393_216, cores: 2, hasFixedTimeWrites: false },
      swap: { area: "none", slots: 0, codec: "lz4", isInMemory: false, keepsSharing: true },
      contents: { from: "made", compressibility: 3 },
      domains: ["lab"],
      compressedSlots: 0,
      tmem: null,
    });
    expect(checked.scanner.kind.kind).toBe("linear");
    expect(checked.scanner.parameters).toMatchObject({ pages_to_scan: 100, sleep_millisecs: 20 });
    expect(checked.guests).toHaveLength(1);
    expect(checked.guests[0]).toMatchObject({ name: "guest", pages: 16_384, image: "debian" });
  });

  it("takes groups of guests apart, in domains, one starting after the other", () => {
    const guests = [
      { ...GUEST, name: "a", count: 2, domain: "one", start_seconds: 1, stagger_seconds: 3 },
      { ...GUEST, name: "b", domain: "two", zero_on_free: true },
    ];
    const checked = checkScenario(scenario({ guests }), "mine.json");
    expect(checked.domains).toEqual(["one", "two"]);
    const shown = checked.guests.map(({ name, domain, order, startSeconds, zeroOnFree }) => {
      return { name, domain, order, startSeconds, zeroOnFree };
    });
    expect(shown).toEqual([
      { name: "a-1", domain: 0, order: 0, startSeconds: 1, zeroOnFree: false },
      { name: "a-2", domain: 0, order: 1, startSeconds: 4, zeroOnFree: false },
      { name: "b", domain: 1, order: 0, startSeconds: 0, zeroOnFree: true },
    ]);
  });

  it("samples by the scanner's passes where that is asked for", () => {
    expect(checkScenario(scenario({ sample: "pass" }), "mine.json").sampleSeconds).toBeNull();
  });

  it("names a codec as the registry does", () => {
    const swap = { area: "shared", codec: "zstd" };
    expect(checkScenario(scenario({ swap }), "mine.json").swap.codec).toBe("zstd:3");
  });

  it.each([
    [{ gests: [] }, "mine.json: gests is unknown: did you mean guests? a scenario has title, "],
    [{ host: { memroy: "1G" } }, "host.memroy is unknown: did you mean memory? host has memory, "],
    [
      { guests: [{ workload: { kind: "kernel-build", jbos: 4 } }] },
      "guests[0].workload.jbos is unknown: did you mean jobs? kernel-build has ",
    ],
    [
      { scanner: { kind: "hinted", hint_bufer: 4 } },
      "scanner.hint_bufer is unknown: did you mean hint_buffer? hinted has ",
    ],
    [
      { guests: [{ workload: { kind: "fill", fill: [{ pages: 1, content: { content: 3 } }] } }] },
      "guests[0].workload.fill[0].content.content is unknown: did you mean contents? ",
    ],
    [{ scanner: { kind: "lineer" } }, 'scanner.kind "lineer" is unknown: did you mean linear?'],
    [
      { guests: [{ workload: { kind: "webserver" } }] },
      'guests[0].workload.kind "webserver" is unknown: did you mean web-server?',
    ],
    [{ q: 1 }, "q is unknown, the nearest of a scenario is "],
    [{ scanner: { kind: "linear", kindd: 3 } }, "scanner.kindd is unknown: did you mean kind? lin"],
    [{ scanner: { kind: "none", speed: 3 } }, "scanner.speed is unknown: none has no keys"],
    [JSON.parse('{"__proto__": 1}'), "__proto__ is unknown"],
  ])("refuses the unknown key of %j with the nearest known one", (changes, message) => {
    // As a file has it: a spread would lose a key called __proto__.
    const text = JSON.stringify(scenario()).slice(0, -1);
    expect(refusal(JSON.parse(`${text}, ${JSON.stringify(changes).slice(1)}`))).toContain(message);
  });

  it.each([
    [{ seconds: "long" }, 'seconds cannot be "long": give a number above 0, at most 1000000'],
    [{ seconds: Number.POSITIVE_INFINITY }, "seconds cannot be Infinity: give a number above 0"],
    [{ seconds: 0 }, "seconds cannot be 0: give a number above 0, at most 1000000"],
    [{ step_seconds: 0.0001 }, "step_seconds cannot be 0.0001: give a number from 0.001 to 10"],
    [{ step_seconds: 10, seconds: 5 }, 'step_seconds cannot be 10: "seconds" is 5; give less'],
    [{ step_seconds: 0.001, seconds: 1e5 }, "more than 10000000 steps; give 0.01 or more"],
    [{ sample_seconds: 0.001, seconds: 1000 }, "more than 100000 rows; give 0.01 or more"],
    [{ host: { cores: 1.5 } }, "host.cores cannot be 1.5: give a whole number from 1 to 1024"],
    [{ host: { memory: "1Q" } }, 'host.memory cannot be "1Q": give a size such as 512M, from 4.0'],
    [{ host: { memory: 5000 } }, "host.memory cannot be 5000: give a size such as 512M"],
    [{ host: { memory: true } }, "host.memory cannot be true: give a size such as 512M"],
    [{ host: 3 }, "host cannot be 3: give an object with memory, cores, fixed_time_writes"],
    [
      { swap: { area: "both" } },
      'swap.area cannot be "both": give "none", "shared" or "per-guest"',
    ],
    [{ swap: { codec: "lzo" } }, 'swap.codec cannot be "lzo": "lzo" is not a codec; use one of'],
    [{ guests: [] }, "guests cannot be []: give a list of 1 to 1024"],
    [{ guests: [{}] }, 'guests[0].workload is missing: give an object such as {"kind": "idle-d'],
    [
      { guests: [{ ...GUEST, name: "a b" }] },
      'guests[0].name cannot be "a b": give 1 to 60 letters',
    ],
    [{ guests: [{ ...GUEST, domain: "" }] }, 'guests[0].domain cannot be "": give 1 to 60 letters'],
    [{ guests: [{ ...GUEST, image: 3 }] }, "guests[0].image cannot be 3: give a text"],
    [
      { title: "two\nlines" },
      'title cannot be "two\\nlines": give 1 to 120 characters in one line',
    ],
    [
      { scanner: { kind: "hinted", hint_share: 2 } },
      "hint_share cannot be 2: give a number from 0",
    ],
    [{ scanner: 3 }, 'scanner cannot be 3: give an object such as {"kind": "linear"}'],
    [
      { guests: [{ workload: { kind: "fill", fill: [{ pages: 1, content: 7 }] } }] },
      'content cannot be 7: give "unique", "same", "zero" or "absent" or an object with contents, name',
    ],
    [{ variants: [{ set: {} }] }, "variants[0].name is missing: give a text"],
  ])("refuses %j with the path, the value and what may be given", (changes, message) => {
    expect(refusal(scenario(changes))).toContain(message);
  });

  it.each([[null], [[]], ["text"], [3]])("refuses %j, which is no scenario", (value) => {
    expect(refusal(value)).toContain("give an object with title, seconds");
  });

  it.each([
    [{ host: { memory: "32M" } }, "host.memory is 32.0 MiB and there is no swap"],
    [
      { host: { memory: "32M" }, swap: { area: "shared", size: "16M" } },
      "host.memory is 32.0 MiB and its swap area 16.0 MiB (swap.size, shared)",
    ],
    [
      {
        host: { memory: "32M" },
        swap: { area: "per-guest", size: "50M" },
        guests: [{ ...GUEST, count: 2 }],
      },
      "host.memory is 32.0 MiB and its swap area 25.0 MiB (swap.size, per-guest)",
    ],
  ])("refuses a guest larger than memory and its swap area, %j", (changes, message) => {
    expect(refusal(scenario(changes))).toContain(
      `mine.json: guests[0].memory cannot be 64.0 MiB: ${message}`,
    );
  });

  it("takes a guest just as large as memory and its swap area", () => {
    const swap = { area: "shared", size: "16M" };
    const checked = checkScenario(scenario({ host: { memory: "48M" }, swap }), "mine.json");
    expect(checked.swap.slots).toBe(4096);
  });

  it.each([
    [{ swap: { area: "per-guest", size: "4K" }, guests: [{ ...GUEST, count: 2 }] }, "swap.size"],
    [{ compressed_memory: "1G" }, "compressed_memory cannot be 1.0 GiB: it is a part of host.mem"],
    [{ tmem: { memory: "1G" } }, "tmem.memory cannot be 1.0 GiB: it is a part of host.memory, 1.0"],
    [{ guests: [GUEST, GUEST] }, 'guests[1].name cannot be "guest": guests[0] has a guest guest'],
    [
      {
        guests: [
          { ...GUEST, name: "a", count: 2 },
          { ...GUEST, name: "a-2" },
        ],
      },
      'guests[1].name cannot be "a-2": guests[0] has a guest a-2 already',
    ],
    [{ guests: [{ ...GUEST, start_seconds: 10 }] }, "guests[0].start_seconds cannot be 10"],
    [
      { guests: [{ ...GUEST, count: 3, stagger_seconds: 5 }] },
      "guests[0].stagger_seconds cannot be 5: a guest would start at 10 seconds",
    ],
    [
      {
        guests: [
          { ...GUEST, count: 1000 },
          { ...GUEST, name: "b", count: 25 },
        ],
      },
      "guests[1].count makes 1025 guests, and at most 1024 are possible",
    ],
    [
      { host: { memory: "64G" }, guests: [{ ...GUEST, count: 5, memory: "16G" }] },
      "guests[0].memory makes 80.0 GiB of guests, and at most 64.0 GiB are possible",
    ],
    [{ contents: { from: "corpus" } }, "contents.corpus is empty"],
  ])("refuses %j, where keys contradict each other", (changes, message) => {
    expect(refusal(scenario(changes))).toContain(message);
  });

  it("refuses a corpus that is missing, with the path to it", async () => {
    const there = join(folder, "there.pages");
    await writeFile(there, new Uint8Array(4096));
    const missing = join(folder, "none.pages");
    const contents = { from: "corpus", corpus: [there, missing] };
    expect(refusal(scenario({ contents }))).toContain(
      `contents.corpus[1] cannot be ${JSON.stringify(missing)}: ${missing} cannot be read: there is no such file`,
    );
    const right = { from: "corpus", corpus: [there] };
    const checked = checkScenario(scenario({ contents: right }), "mine.json");
    expect(checked.contents).toEqual({ from: "corpus", files: [there] });
  });

  it("refuses a trace that is missing, with the path to it", () => {
    const missing = join(folder, "none.trace");
    const guests = [{ workload: { kind: "trace-replay", traces: [missing] } }];
    expect(refusal(scenario({ guests }))).toContain("guests[0].workload.traces[0] cannot be");
  });
});
