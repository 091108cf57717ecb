import { describe, expect, it } from "vitest";
import { renderReplay } from "../../src/report/replay.ts";
import type { ReplayResult, RequestFigures } from "../../src/report/result.ts";
import { emphasisFor } from "../../src/report/terminal.ts";

const none: RequestFigures = {
  requests: 0,
  pages: 0,
  bytes: 0,
  failed: 0,
  latency_us: { p50: null, p90: null, p99: null, p999: null, max: null },
};
const some: RequestFigures = {
  requests: 1234,
  pages: 2000,
  bytes: 8_192_000,
  failed: 0,
  latency_us: { p50: 1, p90: 2.25, p99: 10, p999: 100, max: 1000.5 },
};

const RESULT: ReplayResult = {
  trace: {
    file: "guest.trace",
    bytes: 3 * 2 ** 20,
    complete: true,
    records: 1235,
    contents: 1,
    seconds: 2.5,
    exports: [{ name: "", domain: "", size_bytes: 2 ** 30 }],
  },
  requests: 1235,
  failed: 0,
  seconds: 3,
  target_seconds: 0.5,
  requests_per_second: 2470,
  lag_seconds_max: null,
  kinds: {
    read: some,
    write: none,
    discard: none,
    write_zeroes: none,
    reserve_zeroes: none,
    flush: { ...none, requests: 1 },
  },
  verified: { pages: 2000, unknown_pages: 0, different_pages: 0, differences: [] },
  failures: [],
  store: null,
  overflow: null,
  zram_write_back: null,
  accounting: null,
};

function rendered(changes: Partial<ReplayResult> = {}): string {
  const emphasis = emphasisFor({}, {});
  return renderReplay({ ...RESULT, ...changes }, { emphasis, against: "against a store" });
}

describe("renderReplay", () => {
  it("shows trace, requests, speed and what was read", () => {
    expect(rendered()).toBe(`guest.trace: 1,235 requests in 2.50 s to 1 export of 1.0 GiB
  1 different page in 3.0 MiB

Requests  against a store
         requests  pages  p50 µs  p90   p99  p99.9     max  failed
  read      1,234  2,000     1.0  2.3  10.0  100.0  1000.5       0
  flush         1      –       –    –     –      –       –       0
  2,470 requests/s over the 0.50 s in which the target had one to work on;
  3.00 s in all, with unpacking the trace and comparing what was read.

What was read
  All 2,000 pages read hold what the trace wrote.
`);
  });

  it("says how late requests were where they had a time", () => {
    expect(rendered({ lag_seconds_max: 0.25 })).toContain(
      "No request was sent over 0.25 s after its time.",
    );
  });

  it("says that a trace was cut short", () => {
    const trace = { ...RESULT.trace, complete: false };
    expect(rendered({ trace })).toContain("The trace was cut short");
  });

  it("lists pages that differ and requests that failed, control characters made visible", () => {
    const text = rendered({
      failed: 1,
      failures: [
        {
          record: 3,
          export: "\u001b[2J",
          kind: "write",
          offset: 4096,
          length: 512,
          message: "no room",
        },
      ],
      verified: {
        pages: 2000,
        unknown_pages: 1,
        different_pages: 11,
        differences: [{ record: 7, export: "", page: 9, expected: "zeros", found: "content 1" }],
      },
    });
    expect(text).toContain("11 of 2,000 pages read hold other bytes; the first of them:");
    expect(text).toContain(
      "  record 7  page 9 of the export without a name  expected zeros  found content 1",
    );
    expect(text).toContain("1 page not compared");
    expect(text).toContain('record 3  write  512 bytes at 4,096 of export "\\x1b[2J"  no room');
  });
});
