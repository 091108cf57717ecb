/** The commands of a run with an overflow log: each draws its arguments and sends them to the store and the model. */

import { PagefoldError } from "../../../src/base/errors.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import type { WriteBackRequest } from "../../../src/index.ts";
import { AuditError } from "../audit.ts";
import type { Change, Held, HeldPages } from "./held-pages.ts";
import type { Command } from "./plan.ts";
import { type OverflowWorld, type Request, turns } from "./world.ts";

interface Range {
  readonly offset: number;
  readonly length: number;
}

function randomRange({ random }: OverflowWorld, target: HeldPages): Range {
  const lengths = [random.below(300), random.below(PAGE_BYTES), random.below(3 * PAGE_BYTES)];
  const length = Math.min(1 + lengths[random.below(3)]!, target.bytes);
  const offset = random.below(target.bytes - length + 1);
  return { offset: random.below(4) === 0 ? offset - (offset % PAGE_BYTES) : offset, length };
}

/** For each page of the range: the part of it that lies in the range, and where that begins in the range. */
function partsOf({ offset, length }: Range) {
  const parts: { index: number; from: number; end: number; at: number }[] = [];
  for (let at = 0; at < length; ) {
    const index = Math.floor((offset + at) / PAGE_BYTES);
    const from = (offset + at) % PAGE_BYTES;
    const end = Math.min(PAGE_BYTES, from + length - at);
    parts.push({ index, from, end, at });
    at += end - from;
  }
  return parts;
}

/** What a page holds when `bytes` were written over it. */
function overwritten(world: OverflowWorld, held: Held, bytes: Uint8Array, from: number): Held {
  const page = (held ?? world.contents.zeros).bytes.slice();
  page.set(bytes, from);
  return world.contents.of(page);
}

function writeRequest(
  world: OverflowWorld,
  target: HeldPages,
  offset: number,
  bytes: Uint8Array,
): Request {
  const changes = new Map<number, Change>();
  for (const { index, from, end, at } of partsOf({ offset, length: bytes.length })) {
    const part = bytes.subarray(at, at + end - from);
    changes.set(index, (held) => [overwritten(world, held, part, from)]);
  }
  world.note(`write ${target.name} ${offset}+${bytes.length}`);
  return { target, changes, send: () => target.device.write(offset, bytes) };
}

function writePages(world: OverflowWorld): Request {
  const { random } = world;
  const target = world.anyExport();
  const first = random.below(target.slots);
  const most = random.below(3) === 0 ? 40 : 3;
  const count = Math.min(1 + random.below(most), target.slots - first);
  const pages = Array.from({ length: count }, () => world.contents.next().bytes);
  return writeRequest(world, target, first * PAGE_BYTES, Buffer.concat(pages));
}

function writeBytes(world: OverflowWorld): Request {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  const from = world.random.below(PAGE_BYTES);
  const parts: Uint8Array[] = [];
  for (let held = 0; held < from + length; held += PAGE_BYTES)
    parts.push(world.contents.next().bytes);
  return writeRequest(world, target, offset, Buffer.concat(parts).subarray(from, from + length));
}

function read(world: OverflowWorld): Request {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  const bytes = new Uint8Array(length);
  world.note(`read ${target.name} ${offset}+${length}`);
  return { target, read: { offset, bytes }, send: () => target.device.read(offset, bytes) };
}

function discard(world: OverflowWorld): Request {
  const { random } = world;
  const target = world.anyExport();
  const isLarge = random.below(4) === 0;
  const range = isLarge
    ? { offset: 0, length: random.below(target.bytes) }
    : randomRange(world, target);
  const whole = partsOf(range).filter(({ from, end }) => end - from === PAGE_BYTES);
  world.note(`discard ${target.name} ${range.offset}+${range.length}`);
  return {
    target,
    changes: new Map(whole.map(({ index }) => [index, () => [null]])),
    send: () => target.device.discard(range.offset, range.length),
  };
}

/** A page not in use may come to be in use meanwhile, and the other way round. */
function writeZeroes(world: OverflowWorld, reserve: boolean): Request {
  const target = world.anyExport();
  const range = randomRange(world, target);
  const changes = new Map<number, Change>();
  for (const { index, from, end } of partsOf(range)) {
    const zeros = new Uint8Array(end - from);
    const isWhole = end - from === PAGE_BYTES;
    changes.set(index, (held) => {
      if (isWhole && !reserve) return [null];
      const cleared = overwritten(world, held, zeros, from);
      return held === null && !reserve ? [null, cleared] : [cleared];
    });
  }
  world.note(
    `writeZeroes ${target.name} ${range.offset}+${range.length}${reserve ? ", reserved" : ""}`,
  );
  const send = () => target.device.writeZeroes(range.offset, range.length, { reserve });
  return { target, changes, send };
}

async function pause(world: OverflowWorld): Promise<void> {
  const count = 1 + world.random.below(12);
  world.note(`pause ${count}`);
  await turns(count);
}

async function markIdle(world: OverflowWorld): Promise<void> {
  const age = world.random.below(2) === 0 ? undefined : world.random.below(200);
  world.note(`markIdle ${age}`);
  world.store.markIdle(age);
}

async function recompress(world: OverflowWorld): Promise<void> {
  const type = world.anyOf(["all", "idle", "huge", "huge_idle"] as const);
  world.note(`recompress ${type}`);
  world.store.recompress({ type });
}

async function compact(world: OverflowWorld): Promise<void> {
  world.note("compact");
  world.store.compact();
}

/** Not waited for, half of the time. */
async function writeBack(world: OverflowWorld): Promise<void> {
  const { random } = world;
  const target = world.anyExport();
  const first = random.below(target.slots);
  const last = first + random.below(target.slots - first);
  const request: WriteBackRequest =
    random.below(3) === 0
      ? { pages: [{ export: target.name, first, last }] }
      : { type: world.anyOf(["idle", "huge", "huge_idle", "incompressible"] as const) };
  world.note(`writeBack ${JSON.stringify(request)}`);
  const written = world.store.writeBack(request).then(
    (result) => {
      if (result.written > result.chosen || result.written < 0 || result.bytes < 0)
        throw new AuditError(`written back: ${JSON.stringify(result)}`);
    },
    (cause: unknown) => {
      // It chooses when its turn comes; the export may be closed by then.
      const code = cause instanceof PagefoldError ? cause.code : "";
      const isGone = !world.exports.includes(target) || !world.core.exports.has(target.name);
      if (!(isGone && (code === "NOT_FOUND" || code === "CLOSED"))) throw cause;
    },
  );
  if (random.below(2) === 0) await written;
  else world.later.push(written);
}

async function advance(world: OverflowWorld): Promise<void> {
  world.clock.advance(world.random.below(world.random.below(10) === 0 ? 100_000 : 100));
}

async function setMemoryLimit(world: OverflowWorld): Promise<void> {
  const { random } = world;
  const bytes = random.below(8) === 0 ? 0 : (8 + random.below(40)) * PAGE_BYTES;
  world.note(`setMemoryLimit ${bytes}`);
  world.setLimit(bytes);
}

async function resetExport(world: OverflowWorld): Promise<void> {
  const target = world.anyExport();
  world.note(`resetExport ${target.name}`);
  target.device.reset();
  for (const index of target.options.keys()) target.options[index] = [null];
}

function closing(world: OverflowWorld): Request {
  const target = world.anyExport();
  world.note(`close ${target.name}`);
  return { target, isClosing: true, send: () => target.device.close() };
}

async function reset(world: OverflowWorld): Promise<void> {
  world.note("reset");
  for (const { device } of world.exports.splice(0)) await device.close();
  world.check();
  world.store.reset();
  world.setLimit(world.limitBytes);
  for (let count = 0; count < world.plan.exports; count++) world.open();
}

/** Requests go together with others; the rest are alone. */
const REQUESTS: Partial<Record<Command, (world: OverflowWorld) => Request>> = {
  writePages,
  writeBytes,
  read,
  discard,
  writeZeroes: (world) => writeZeroes(world, false),
  writeReserved: (world) => writeZeroes(world, true),
  reopen: closing,
};
const ACTS: Partial<Record<Command, (world: OverflowWorld) => Promise<void>>> = {
  pause,
  markIdle,
  recompress,
  compact,
  writeBack,
  advance,
  setMemoryLimit,
  resetExport,
  reset,
};

/** Does one drawn command, with others drawn beside it where the plan has several at once. */
export async function step(world: OverflowWorld): Promise<void> {
  const { drawn, mostAtOnce } = world.plan;
  const act = ACTS[world.anyOf(drawn)];
  if (act !== undefined) return act(world);
  const requests: Request[] = [];
  for (let left = 1 + world.random.below(mostAtOnce); left > 0; left--) {
    const request = REQUESTS[world.anyOf(drawn)]?.(world);
    const isClosingTwice = request?.isClosing && requests.some(({ isClosing }) => isClosing);
    if (request !== undefined && !isClosingTwice) requests.push(request);
  }
  await world.send(requests);
  while (world.exports.length < world.plan.exports) world.open();
}

/** Checks that a sound log takes pages again once everything on it was discarded. */
export async function recover(world: OverflowWorld): Promise<void> {
  for (const { device, options } of world.exports) {
    await device.discard(0, device.sizeBytes);
    for (const index of options.keys()) options[index] = [null];
  }
  await world.settle();
  world.check(true);
  const target = world.exports[0];
  if (target === undefined || world.plan.hasFaults) return;
  const pages = Math.min(target.slots, 20);
  for (let index = 0; index < pages; index++) {
    const bytes = world.contents.next().bytes;
    try {
      await world.send([writeRequest(world, target, index * PAGE_BYTES, bytes)]);
    } catch (cause) {
      if (cause instanceof PagefoldError)
        throw new AuditError(`an empty log takes no page ${index}: ${cause.message}`);
      throw cause;
    }
  }
  if (target.options.slice(0, pages).some((all) => all.length > 1))
    throw new AuditError("an empty log refused a page");
}
