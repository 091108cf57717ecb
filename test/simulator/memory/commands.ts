/**
 * What can happen to a host, as commands of chance: what guests do, what a scanner does, memory running short. Where
 * there is a real scanner, it alone merges.
 */

import { expect } from "vitest";
import type { SeededRandom } from "../../../src/base/random.ts";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import type { Command, MemoryWorld } from "./memory-world.ts";

function write(world: MemoryWorld): void {
  const page = world.anyPage();
  const content = world.anyContent();
  if (world.access(page, () => world.host.write(page, content))) world.expected[page] = content;
}

function diskRead(world: MemoryWorld): void {
  const page = world.anyPage();
  const content = world.anyContent();
  const act = () => world.host.diskRead(page, content);
  if (world.access(page, act)) world.expected[page] = content;
}

function read(world: MemoryWorld): void {
  const page = world.anyPage();
  world.access(page, () => {
    expect(world.host.read(page)).toBe(world.expected[page]);
  });
}

function diskWrite(world: MemoryWorld): void {
  const page = world.anyPage();
  world.access(page, () => world.host.diskWrite(page));
}

function discard(world: MemoryWorld): void {
  const page = world.anyPage();
  world.host.discard(page);
  world.expected[page] = ZERO_CONTENT;
}

function merge(world: MemoryWorld): void {
  if (world.scanner === null) world.mergeSomewhere(world.anyPage());
  else world.letScan(world.random.below(20));
}

function protect(world: MemoryWorld): void {
  if (world.scanner !== null) return;
  const frame = world.host.frameOf[world.anyPage()]!;
  if (frame >= 0) world.host.protect(frame);
}

function unshare(world: MemoryWorld): void {
  if (world.scanner !== null) return;
  const { host } = world;
  const page = world.pageWith((candidate) => {
    const frame = host.frameOf[candidate]!;
    return frame >= 0 && host.isMerged(frame);
  });
  if (page < 0) return;
  // No guest waits for it.
  host.lastSeconds = 0;
  if (world.access(page, () => host.unshare(page))) {
    const frame = host.frameOf[page]!;
    expect(host.mappingsOf[frame]).toBe(1);
    expect(host.isMerged(frame)).toBe(false);
  }
}

function joinSwapped(world: MemoryWorld): void {
  if (world.scanner !== null) return;
  world.joinSomewhere(world.anyPage());
}

function evict(world: MemoryWorld): void {
  const { host } = world;
  const page = world.anyPage();
  const frame = host.frameOf[page]!;
  if (frame < 0 || host.isZeroFrame(frame)) return;
  const used = host.frames.used;
  const isOut = host.swap.evict(frame);
  expect(host.frames.used).toBe(isOut ? used - 1 : used);
}

function compress(world: MemoryWorld): void {
  const { host } = world;
  if (host.compressed.length === 0) return;
  const page = world.anyPage();
  const frame = host.frameOf[page]!;
  if (frame < 0 || host.isZeroFrame(frame)) return;
  const isIn = host.compress(page);
  expect(host.frameOf[page] === frame).toBe(!isIn);
  if (world.isNoise(world.expected[page]!)) expect(isIn).toBe(false);
}

/** Each as often as it stands here. */
const commands: readonly Command[] = [
  write,
  write,
  write,
  diskRead,
  diskRead,
  read,
  read,
  read,
  diskWrite,
  discard,
  merge,
  merge,
  merge,
  protect,
  unshare,
  joinSwapped,
  evict,
  compress,
];

/** Some of them, so that runs have times of much merging, of much reading, and so on. */
export function drawCommands(random: SeededRandom): readonly Command[] {
  return Array.from({ length: 6 }, () => commands[random.below(commands.length)]!);
}
