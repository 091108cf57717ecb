import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { FaultyMedium } from "../../../src/overflow/media/faulty.ts";
import { FileMedium } from "../../../src/overflow/media/file.ts";
import { MemoryMedium } from "../../../src/overflow/media/memory.ts";
import { NandModel } from "../../../src/overflow/media/nand.ts";
import { describeMedium } from "../../conformance/medium.ts";
import { loopDevice, type SystemThing, whyNoLoopDevices } from "../../support/system-devices.ts";

let folder = "";
let files = 0;
let device: SystemThing | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-media-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const newPath = (): string => join(folder, `log-${files++}`);
const log = (): void => undefined;

describeMedium({
  name: "MemoryMedium",
  open: async (sizeBytes) => new MemoryMedium({ sizeBytes }),
});

describeMedium({
  name: "FileMedium on a regular file",
  open: (sizeBytes) => FileMedium.open({ path: newPath(), sizeBytes, log }),
});

describeMedium({
  name: "FileMedium on a block device",
  open: async (sizeBytes) => {
    device = await loopDevice(newPath(), sizeBytes);
    return FileMedium.open({ path: device.path, sizeBytes, log });
  },
  release: async () => device?.remove(),
  skip: whyNoLoopDevices(),
});

describeMedium({
  name: "NandModel",
  open: async (sizeBytes) => new NandModel({ sizeBytes, blockBytes: 2 ** 16 }),
});

describeMedium({
  name: "NandModel with small pages",
  open: async (sizeBytes) => new NandModel({ sizeBytes, blockBytes: 2 ** 17, programBytes: 2048 }),
});

describeMedium({
  name: "FaultyMedium without faults",
  open: async (sizeBytes) =>
    new FaultyMedium(new MemoryMedium({ sizeBytes }), { random: new SeededRandom(1) }),
});

describeMedium({
  name: "FaultyMedium that reorders and delays",
  open: async (sizeBytes) =>
    new FaultyMedium(new MemoryMedium({ sizeBytes }), {
      random: new SeededRandom(1),
      isReordering: true,
      mostDelayTurns: 3,
    }),
});
