/** An image of QEMU's own within a cached file, after QEMU and the server were killed in the midst of writing to it. */

import { spawn } from "node:child_process";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { testSeed } from "../../support/seed.ts";
import { keep, type Served } from "../../support/served.ts";
import { CACHES, type Cached, serveCached } from "./cached.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("a qcow2 image and a cache", "qemu-img", "qemu-io");

const PLACE_BYTES = 16_384;
/** Of an image of 48 MiB. */
const PLACES = 3072;
const WRITES = 2000;
/** Of so many writes the last is durable. */
const DURABLE_EVERY = 4;

interface Write {
  readonly isDurable: boolean;
  /** Pattern, offset and length, for qemu-io. */
  readonly range: string;
}

/** Writes to places nobody wrote to before. */
function drawWrites(random: SeededRandom): Write[] {
  const places = new Set<number>();
  while (places.size < WRITES) places.add(random.below(PLACES));
  return [...places].map((place, index) => ({
    isDurable: index % DURABLE_EVERY === DURABLE_EVERY - 1,
    range: `-P ${1 + (place % 255)} ${place * PLACE_BYTES} ${1 + random.below(PLACE_BYTES)}`,
  }));
}

/** Lets qemu-io write until it has done more than so many, and kills both: those that are done for sure. */
async function writeUntilKilled(served: Served, writes: readonly Write[], most: number) {
  const child = spawn("qemu-io", ["-f", "qcow2", "-t", "writeback", served.uri]);
  const { end } = keep(child);
  onTestFinished(() => end("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stdin.on("error", () => {});
  for (const { isDurable, range } of writes)
    child.stdin.write(`write ${isDurable ? "-f " : ""}${range}\n`);
  const done = () => said.match(/wrote /g)?.length ?? 0;
  await expect.poll(done, { timeout: 30_000, interval: 1 }).toBeGreaterThan(most);
  child.kill("SIGKILL");
  await served.end("SIGKILL");
  return writes.slice(0, done());
}

describe.skipIf(isAbsent).each(CACHES)(`${title} $name`, ({ name, cache }) => {
  let cached: Cached;
  beforeAll(async () => {
    cached = await serveCached(cache);
    return () => cached.served.stop();
  });

  it("is sound, and has what was durable", async () => {
    const { served, origin } = cached;
    const random = new SeededRandom(testSeed(`a qcow2 image, killed ${name}`));
    const options = ["-q", "-f", "qcow2", "-o", "cluster_size=4096"];
    await succeed("qemu-img", ["create", ...options, served.uri, `${PLACES * PLACE_BYTES}`]);
    const done = await writeUntilKilled(served, drawWrites(random), 100 + random.below(300));
    expect(done.length, "killed in the midst of it").toBeLessThan(WRITES);
    // It may have lost track of what nothing refers to, a leak (3); that is no corruption (2).
    const { code, stdout } = await run("qemu-img", ["check", "-f", "qcow2", origin]);
    expect([0, 3], stdout).toContain(code);
    // What was written before a durable write on the same connection is durable with it.
    const durable = done.slice(0, done.findLastIndex(({ isDurable }) => isDurable) + 1);
    const reads = durable.flatMap(({ range }) => ["-c", `read ${range}`]);
    await succeed("qemu-io", ["-f", "qcow2", "-r", ...reads, origin]);
  });
});
