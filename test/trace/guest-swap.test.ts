/** The trace of a real guest in fixtures/: complete, and every page it read is what it had written. */

import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openStore } from "../../src/device/store.ts";
import { replay } from "../../src/trace/replay.ts";
import { DeviceTarget } from "../../src/trace/replay-target.ts";
import { TraceReader } from "../../src/trace/swap/trace-reader.ts";

const FIXTURE = fileURLToPath(new URL("../../fixtures/guest-swap.trace", import.meta.url));

it.each(["lz4", "raw"])("fixtures/guest-swap.trace replays on a store with %s", async (codec) => {
  const trace = await TraceReader.open(FIXTURE);
  const store = await openStore({ codec });
  const devices = trace.exports.map((one) => store.openExport(one));
  const outcome = await replay(
    trace,
    devices.map((device) => new DeviceTarget(device)),
    { depth: 16 },
  );
  const failed = Object.values(outcome.kinds).reduce((sum, kind) => sum + kind.failed, 0);
  expect(failed).toBe(0);
  expect(outcome.differences).toEqual([]);
  expect(outcome.checkedPages).toBe(5631);
  expect(trace.ending).toMatchObject({ isComplete: true, records: 6703, contents: 4744 });
  await trace.close();
  await store.close();
});
