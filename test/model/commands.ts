/**
 * The commands of a run: each draws its arguments, does the same to the store and to the model, and checks its own
 * answer.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import type { RecompressOptions, RecompressResult } from "../../src/index.ts";
import { differenceOf } from "../support/pages.ts";
import { longestLength, roomFor } from "../support/size-classes.ts";
import { AuditError } from "./audit.ts";
import { checkExtents } from "./check-extents.ts";
import type { Content } from "./contents.ts";
import type { ModelExport } from "./model-export.ts";
import type { Command } from "./plan.ts";
import type { Piece, World } from "./world.ts";

const MOST_PAGES = 5;

function randomRange(world: World, target: ModelExport): { offset: number; length: number } {
  const { random } = world;
  const lengths = [random.below(30), random.below(PAGE_BYTES), random.below(3 * PAGE_BYTES)];
  const length = Math.min(lengths[random.below(3)]!, target.bytes);
  const offset = random.below(target.bytes - length + 1);
  return { offset: random.below(4) === 0 ? offset - (offset % PAGE_BYTES) : offset, length };
}

/** What the slots hold once `bytes` were written at `offset`. */
function piecesOf(world: World, target: ModelExport, offset: number, bytes: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  for (let done = 0; done < bytes.length; ) {
    const index = Math.floor((offset + done) / PAGE_BYTES);
    const inPage = (offset + done) % PAGE_BYTES;
    const part = Math.min(PAGE_BYTES - inPage, bytes.length - done);
    const page = (target.held[index] ?? world.contents.zeros).bytes.slice();
    page.set(bytes.subarray(done, done + part), inPage);
    pieces.push({ index, content: world.contents.of(page) });
    done += part;
  }
  return pieces;
}

async function writePages(world: World, count: number): Promise<void> {
  const target = world.anyExport();
  const first = world.random.below(target.plan.slots);
  const length = Math.min(count, target.plan.slots - first);
  const contents: Content[] = Array.from({ length }, () => world.contents.next());
  world.note(`write ${target.plan.name} ${first}: ${contents.map(({ number }) => number)}`);
  const pieces = contents.map((content, index) => ({ index: first + index, content }));
  const bytes =
    length === 1 ? contents[0]!.bytes : Buffer.concat(contents.map((each) => each.bytes));
  const offset = first * PAGE_BYTES;
  await world.write(target, { pieces, send: () => target.device.write(offset, bytes) });
  for (const { index } of pieces) world.checkSlot(target, index);
}

async function writeBytes(world: World): Promise<void> {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  const from = world.random.below(PAGE_BYTES);
  const parts: Uint8Array[] = [];
  for (let held = 0; held < from + length; held += PAGE_BYTES)
    parts.push(world.contents.next().bytes);
  const bytes = Buffer.concat(parts).subarray(from, from + length);
  world.note(`writeBytes ${target.plan.name} ${offset}+${length}`);
  const pieces = piecesOf(world, target, offset, bytes);
  await world.write(target, { pieces, send: () => target.device.write(offset, bytes) });
  for (const { index } of pieces) world.checkSlot(target, index);
}

async function read(world: World): Promise<void> {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  world.note(`read ${target.plan.name} ${offset}+${length}`);
  const found = new Uint8Array(length);
  await target.device.read(offset, found);
  if (length === 0) return;
  const first = Math.floor(offset / PAGE_BYTES);
  const last = Math.floor((offset + length - 1) / PAGE_BYTES);
  const pages: Uint8Array[] = [];
  for (let index = first; index <= last; index++) {
    target.reads += 1;
    if (target.held[index] !== null) target.touch(index, world.now);
    pages.push((target.held[index] ?? world.contents.zeros).bytes);
  }
  const start = offset - first * PAGE_BYTES;
  const difference = differenceOf(found, Buffer.concat(pages).subarray(start, start + length));
  if (difference) throw new AuditError(`${length} bytes at ${offset}: ${difference}`);
}

/** The whole pages within the range, forgotten. */
function forgotten(offset: number, length: number): Piece[] {
  const first = Math.ceil(offset / PAGE_BYTES);
  const count = Math.max(0, Math.floor((offset + length) / PAGE_BYTES) - first);
  return Array.from({ length: count }, (_, index) => ({ index: first + index, content: null }));
}

async function discard(world: World): Promise<void> {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  world.note(`discard ${target.plan.name} ${offset}+${length}`);
  const pieces = forgotten(offset, length);
  await world.write(target, { pieces, send: () => target.device.discard(offset, length) });
}

/** In the model a write of zeros at both ends, where they are in use, and a discard between. */
async function writeZeroes(world: World): Promise<void> {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  world.note(`writeZeroes ${target.plan.name} ${offset}+${length}`);
  const isHeld = ({ index }: Piece): boolean => target.held[index] !== null;
  const end = offset + length;
  const first = Math.min(end, Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES);
  const last = Math.max(first, end - (end % PAGE_BYTES));
  const pieces = [
    ...piecesOf(world, target, offset, new Uint8Array(first - offset)).filter(isHeld),
    ...forgotten(first, last - first),
    ...piecesOf(world, target, last, new Uint8Array(end - last)).filter(isHeld),
  ];
  await world.write(target, { pieces, send: () => target.device.writeZeroes(offset, length) });
  for (const { index } of pieces) world.checkSlot(target, index);
}

/** In the model a write of zeros everywhere; pages that are all zeros then have room reserved. */
async function writeReserved(world: World): Promise<void> {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  world.note(`writeReserved ${target.plan.name} ${offset}+${length}`);
  const pieces = piecesOf(world, target, offset, new Uint8Array(length)).map((piece) => ({
    ...piece,
    isReserved: piece.content === world.contents.zeros,
  }));
  const send = () => target.device.writeZeroes(offset, length, { reserve: true });
  await world.write(target, { pieces, send });
  for (const { index } of pieces) world.checkSlot(target, index);
}

async function compact(world: World): Promise<void> {
  world.note("compact");
  const before = world.store.stats().mem_used_total;
  const pages = world.store.compact();
  world.compacted += pages;
  const after = world.store.stats().mem_used_total;
  if (before - after !== pages * PAGE_BYTES)
    throw new AuditError(`${pages} pages: ${before}, ${after}`);
  world.checkAllSlots();
}

async function extents(world: World): Promise<void> {
  const target = world.anyExport();
  const { offset, length } = randomRange(world, target);
  world.note(`extents ${target.plan.name} ${offset}+${length}`);
  await checkExtents(world, target, { offset, length });
}

async function advance(world: World): Promise<void> {
  world.clock.advance(world.random.below(100));
}

async function markIdle(world: World): Promise<void> {
  const age = world.random.below(2) === 0 ? undefined : world.random.below(200);
  world.note(`markIdle ${age}`);
  const marked = world.store.markIdle(age);
  let expected = 0;
  for (const each of world.exports) expected += each.markIdle(world.now, age);
  if (marked !== expected) throw new AuditError(`${marked} idle, not ${expected}`);
}

/** Objects with their lengths and whether all their slots are idle and old enough for the pass. */
function objectsOf(world: World, options: RecompressOptions) {
  const objects = new Map<number, { length: number; isDue: boolean }>();
  const wantsIdle = options.type === "idle" || options.type === "huge_idle";
  for (const { plan, held, idle, accessed } of world.exports) {
    const { table } = world.core.exports.get(plan.name)!;
    for (let index = 0; index < plan.slots; index++) {
      const id = held[index] === null ? 0 : table.objectAt(index);
      if (id === 0) continue;
      const isOld = world.now - accessed[index]! >= (options.idleSeconds ?? 0);
      const isDue = isOld && (!wantsIdle || idle[index]!) && (objects.get(id)?.isDue ?? true);
      objects.set(id, { length: world.core.engine.lengthOf(id), isDue });
    }
  }
  return objects;
}

function randomPass(world: World): RecompressOptions {
  const { random, plan } = world;
  const maybe = <Value>(name: string, value: Value) =>
    random.below(3) === 0 ? { [name]: value } : {};
  return {
    ...maybe("type", world.anyOf(["all", "idle", "huge", "huge_idle"] as const)),
    ...maybe("thresholdBytes", random.below(longestLength + 1)),
    ...maybe("idleSeconds", random.below(200)),
    ...maybe("maxPages", random.below(8)),
    ...maybe("priority", 1 + random.below(plan.codecs.length - 1)),
  };
}

/** Checks that the counts of a pass go together. */
function checkPass(options: RecompressOptions, result: RecompressResult): void {
  const { maxPages = 0 } = options;
  if (maxPages > 0 && result.tried > maxPages) throw new AuditError(`tried ${result.tried}`);
  if (result.recompressed + result.exhausted > result.tried)
    throw new AuditError("more than tried");
}

async function recompress(world: World): Promise<void> {
  const options = randomPass(world);
  world.note(`recompress ${JSON.stringify(options)}`);
  const before = objectsOf(world, options);
  const bytes = world.store.stats().compr_data_size;
  const result = world.store.recompress(options);
  checkPass(options, result);
  const saved = bytes - world.store.stats().compr_data_size;
  if (saved !== result.saved_bytes)
    throw new AuditError(`saved ${saved}, ${result.saved_bytes} told`);
  let changed = 0;
  for (const [id, { length, isDue }] of before) {
    const now = world.core.engine.lengthOf(id);
    if (now === length) continue;
    changed += 1;
    const wantsHuge = options.type === "huge" || options.type === "huge_idle";
    const threshold = options.thresholdBytes ?? 0;
    const isAllowed =
      isDue &&
      (!wantsHuge || length === PAGE_BYTES) &&
      (threshold === 0 || (length >= threshold && now < threshold)) &&
      // At a limit a short object may have been put in a large place.
      (world.hadLimit || roomFor(now) < roomFor(length));
    if (!isAllowed) throw new AuditError(`object ${id} went from ${length} to ${now}`);
  }
  if (changed > result.recompressed) throw new AuditError(`${changed} objects changed`);
  world.checkAllSlots();
}

async function setMemoryLimit(world: World): Promise<void> {
  const { random } = world;
  const used = world.store.stats().mem_used_total;
  const near =
    used + (random.below(20) - 8) * PAGE_BYTES + random.below(2) * random.below(PAGE_BYTES);
  const bytes = random.below(4) === 0 ? 0 : Math.max(1, near);
  world.note(`setMemoryLimit ${bytes} at ${used}`);
  world.setLimit(bytes);
}

async function resetMemUsedMax(world: World): Promise<void> {
  world.note("resetMemUsedMax");
  world.store.resetMemUsedMax();
  const { mem_used_max, mem_used_total } = world.store.stats();
  if (mem_used_max !== mem_used_total) throw new AuditError(`mem_used_max is ${mem_used_max}`);
  world.peak = mem_used_total;
}

async function resetExport(world: World): Promise<void> {
  const target = world.anyExport();
  world.note(`resetExport ${target.plan.name}`);
  target.device.reset();
  target.reset();
  world.checkAllSlots();
}

async function reopen(world: World): Promise<void> {
  world.note("reopen");
  if (world.exports.length > 1 || world.random.below(2) === 0) {
    await world.close(world.random.below(world.exports.length));
    world.check();
  }
  if (world.exports.length === 0 || world.random.below(2) === 0) {
    if (world.exports.length < 4) world.open();
  }
  world.checkAllSlots();
}

async function reset(world: World): Promise<void> {
  world.note("reset");
  while (world.exports.length > 0) await world.close(0);
  world.check();
  world.store.reset();
  world.compacted = 0;
  world.peak = 0;
  world.setLimit(world.limitBytes);
  for (let count = 0; count < world.plan.exports; count++) world.open();
}

export const commands: Readonly<Record<Command, (world: World) => Promise<void>>> = {
  writePage: (world) => writePages(world, 1),
  writeRun: (world) => writePages(world, 1 + world.random.below(MOST_PAGES)),
  writeBytes,
  read,
  discard,
  writeZeroes,
  writeReserved,
  extents,
  compact,
  advance,
  markIdle,
  recompress,
  setMemoryLimit,
  resetMemUsedMax,
  resetExport,
  reopen,
  reset,
};
