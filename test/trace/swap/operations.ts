/** What clients do to exports, made up for tests; recording it, and reading a trace back as it. */

import fc from "fast-check";
import { ManualClock } from "../../../src/base/clock.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import type { TraceExport } from "../../../src/trace/swap/format.ts";
import type { RecordKind } from "../../../src/trace/swap/records.ts";
import { TraceReader } from "../../../src/trace/swap/trace-reader.ts";
import { TraceWriter } from "../../../src/trace/swap/trace-writer.ts";
import { numberedPage, prefixPage, samePage } from "../../support/pages.ts";

const PAGE = 4096;

export interface Operation {
  readonly kind: RecordKind;
  /** Microseconds since the operation before. */
  readonly afterUs: number;
  readonly exportIndex: number;
  readonly offset: number;
  readonly length: number;
  /** Of a write. */
  readonly bytes?: Uint8Array;
}

export const EXPORTS: readonly TraceExport[] = [
  { name: "", domain: "", sizeBytes: 64 * PAGE },
  { name: "gäste/b", domain: "lab", sizeBytes: 24 * PAGE },
];

/** A page by a number: zeros, of one word, and pages of which many return. */
function pageOf(number: number): Uint8Array {
  if (number === 0) return new Uint8Array(PAGE);
  if (number < 4) return samePage(number, 7);
  if (number < 20) return numberedPage(number);
  return prefixPage(new SeededRandom(number), number % PAGE);
}

/** Bytes of a write: pages one after another, from somewhere in the first. */
function bytesOf(pages: readonly number[], length: number, shift: number): Uint8Array {
  const joined = Buffer.concat(pages.map(pageOf));
  return Uint8Array.from({ length }, (_, at) => joined[(at + shift) % joined.length]!);
}

const range = fc
  .record({
    exportIndex: fc.nat({ max: EXPORTS.length - 1 }),
    isPaged: fc.boolean(),
    start: fc.double({ min: 0, max: 1, noNaN: true }),
    pages: fc.integer({ min: 1, max: 6 }),
    cut: fc.nat({ max: 2 * PAGE - 1 }),
  })
  .map(({ exportIndex, isPaged, start, pages, cut }) => {
    const { sizeBytes } = EXPORTS[exportIndex]!;
    const unit = isPaged ? PAGE : 1;
    const length = isPaged ? pages * PAGE : Math.max(1, pages * PAGE - cut);
    const offset = Math.floor((start * (sizeBytes - length)) / unit) * unit;
    return { exportIndex, offset, length };
  });

const kind = fc.constantFrom<RecordKind>(
  "read",
  "write",
  "write",
  "write",
  "discard",
  "write_zeroes",
  "reserve_zeroes",
  "flush",
);

/** Any operation on `EXPORTS`. */
export const operation: fc.Arbitrary<Operation> = fc
  .record({
    kind,
    range,
    afterUs: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 2 ** 40 })),
    pages: fc.array(fc.nat({ max: 4095 }), { minLength: 1, maxLength: 6 }),
    isShifted: fc.boolean(),
  })
  .map(({ kind, range, afterUs, pages, isShifted }) => {
    if (kind === "flush") return { kind, afterUs, ...range, offset: 0, length: 0 };
    if (kind !== "write") return { kind, afterUs, ...range };
    const shift = isShifted ? 100 : 0;
    return { kind, afterUs, ...range, bytes: bytesOf(pages, range.length, shift) };
  });

/** A write to the first export, 1 us after what came before. */
export function writeAt(offset: number, bytes: Uint8Array): Operation & { bytes: Uint8Array } {
  return { kind: "write", afterUs: 1, exportIndex: 0, offset, length: bytes.length, bytes };
}

/** Does one operation to the writer, from bytes that are overwritten right after. */
function recordOne(writer: TraceWriter, one: Operation): void {
  const { exportIndex, offset, length } = one;
  if (one.kind === "read") writer.read(exportIndex, offset, length);
  else if (one.kind === "discard") writer.discard(exportIndex, offset, length);
  else if (one.kind === "flush") writer.flush(exportIndex);
  else if (one.kind === "write") {
    const bytes = one.bytes!.slice();
    writer.write(exportIndex, offset, bytes);
    bytes.fill(0xee);
  } else {
    writer.writeZeroes(exportIndex, offset, length, { reserve: one.kind === "reserve_zeroes" });
  }
}

/** Records the operations into a new file. */
export async function recordTrace(
  path: string,
  operations: readonly Operation[],
  options: { readonly exports?: readonly TraceExport[]; readonly close?: boolean } = {},
): Promise<TraceWriter> {
  const clock = new ManualClock();
  const writer = await TraceWriter.create(path, {
    exports: options.exports ?? EXPORTS,
    overwrite: true,
    clock,
  });
  for (const one of operations) {
    clock.advance(one.afterUs / 1e6);
    recordOne(writer, one);
  }
  if (options.close ?? true) await writer.close();
  return writer;
}

export interface ReadTrace {
  readonly operations: Operation[];
  readonly exports: readonly TraceExport[];
  readonly isComplete: boolean;
  readonly records: number;
  readonly contents: number;
  /** Of the file. */
  readonly bytes: number;
}

/** The operations of a trace. */
export async function readTrace(
  path: string,
  options: { readonly cachedBytes?: number } = {},
): Promise<ReadTrace> {
  const reader = await TraceReader.open(path, options);
  try {
    const operations: Operation[] = [];
    let timeUs = 0;
    for await (const records of reader.batches()) {
      for (const record of records) {
        const { kind, exportIndex, offset, length } = record;
        const afterUs = record.timeUs - timeUs;
        timeUs = record.timeUs;
        const plain = { kind, afterUs, exportIndex, offset, length };
        if (record.kind !== "write") operations.push(plain);
        else {
          const bytes = Buffer.alloc(length, 0xaa);
          await reader.fill(record, bytes);
          operations.push({ ...plain, bytes });
        }
      }
    }
    const { isComplete, records, contents } = reader.ending;
    const { exports, sizeBytes: bytes } = reader;
    return { operations, exports, isComplete, records, contents, bytes };
  } finally {
    await reader.close();
  }
}

/** Operations as they can be compared: contents in short. */
export function comparable(operations: readonly Operation[]): unknown[] {
  return operations.map(({ bytes, ...rest }) => ({
    ...rest,
    ...(bytes === undefined ? {} : { bytes: Buffer.from(bytes).toString("latin1") }),
  }));
}
