/**
 * The overflow tier beside the least that must be done: write-back beside writing the same records, sealed the same
 * way, to a file one after another; a read from the log beside reading and opening the same unit through the same call
 * and decoding the page; reads of pages in memory with a log beside reads without one.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getCodec } from "../codecs/registry.ts";
import { SeededRandom, secureRandom } from "../src/base/random.ts";
import { PAGE_BYTES } from "../src/base/units.ts";
import { type Device, openDevice } from "../src/index.ts";
import { Seal } from "../src/overflow/format/seal.ts";
import { MOST_UNIT_BYTES, openUnit, UnitWriter } from "../src/overflow/format/unit.ts";
import { StampedPages } from "./corpus.ts";
import { median, microsecondsEach, settle } from "./measure.ts";

const CHUNK_BYTES = 2 ** 18;
const LOG_SHARE = 2;

export interface OverflowRow {
  readonly corpus: string;
  /** Million record bytes a second: ours and the plain sequential writer. */
  readonly write_back: number;
  readonly write_plain: number;
  readonly write_ratio: number;
  /** Microseconds a page: read from the log, read and opened and decoded plainly. */
  readonly read_log: number;
  readonly read_plain: number;
  readonly read_ratio: number;
  /** Microseconds a page in memory, with a log and without. */
  readonly memory_with: number;
  readonly memory_without: number;
  readonly memory_ratio: number;
}

interface Options {
  readonly corpus: string;
  readonly pages: number;
  readonly rounds: number;
}

/** A place of one unit in the plain file, and of a page's record in it. */
interface PlainRecord {
  readonly offset: number;
  readonly bytes: number;
  readonly at: number;
  readonly length: number;
}

/** The least that a log must do: the same records in the same units, sealed, written in order. */
class PlainLog {
  readonly #file: FileHandle;
  readonly #seal = new Seal({ isPlain: false, random: secureRandom });
  readonly #codec = getCodec("lz4");
  readonly #chunk = new Uint8Array(CHUNK_BYTES + MOST_UNIT_BYTES);
  readonly records: PlainRecord[] = [];

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Makes the file new: a log's segments are, too, when they are written. */
  async renew(): Promise<void> {
    await this.#file.truncate(0);
  }

  /** Writes every record, in order. */
  async write(contents: readonly Uint8Array[]): Promise<void> {
    this.records.length = 0;
    const writer = new UnitWriter(this.#seal, MOST_UNIT_BYTES);
    let offset = 0;
    let used = 0;
    let inUnit: { at: number; length: number }[] = [];
    const endUnit = () => {
      const bytes = writer.end();
      for (const { at, length } of inUnit)
        this.records.push({ offset: offset + used, bytes, at, length });
      inUnit = [];
      used += bytes;
    };
    writer.begin(this.#chunk, 0, MOST_UNIT_BYTES);
    for (const [index, bytes] of contents.entries()) {
      if (!writer.room(bytes.length)) {
        endUnit();
        if (used >= CHUNK_BYTES) {
          await this.#file.write(this.#chunk, 0, used, offset);
          offset += used;
          used = 0;
        }
        writer.begin(this.#chunk, used, MOST_UNIT_BYTES);
      }
      inUnit.push({ at: writer.add(index + 1, 0, 1, bytes), length: bytes.length });
    }
    endUnit();
    await this.#file.write(this.#chunk, 0, used, offset);
  }

  /** Reads one record as a log must: one read call, opened, decoded. */
  async read(index: number, buffer: Uint8Array, target: Uint8Array): Promise<void> {
    const { offset, bytes, at, length } = this.records[index]!;
    const unit = buffer.subarray(0, bytes);
    await this.#file.read(unit, 0, bytes, offset);
    if (!openUnit(this.#seal, unit)) throw new Error("the plain unit does not open");
    const record = unit.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length);
    if (length === PAGE_BYTES) target.set(record);
    else if (this.#codec.decompress(record, target) !== PAGE_BYTES)
      throw new Error("it does not decode");
  }
}

const RECORD_HEAD = 12;

async function writeAll(device: Device, pages: StampedPages): Promise<void> {
  let offset = 0;
  for (const request of pages.requests) {
    await device.write(offset, request);
    offset += request.length;
  }
}

/** Every page as the store's codec gives it. */
function compressedPages({ pages }: StampedPages): Uint8Array[] {
  const codec = getCodec("lz4");
  const buffer = new Uint8Array(PAGE_BYTES);
  return pages.map((page) => {
    const length = codec.compress(page, buffer);
    return length === 0 || length > 3250 ? page.slice() : buffer.slice(0, length);
  });
}

export async function runOverflow(options: Options): Promise<OverflowRow> {
  const folder = mkdtempSync(join(fileURLToPath(new URL("./", import.meta.url)), "overflow-"));
  const pages = new StampedPages(options.corpus, options.pages);
  const sizeBytes = pages.count * PAGE_BYTES;
  const file = await open(join(folder, "plain"), "w+");
  const device = await openDevice({
    sizeBytes,
    overflow: {
      path: join(folder, "log"),
      sizeBytes: Math.max(LOG_SHARE * sizeBytes, 2 ** 25),
      promote: false,
    },
  });
  const plain = new PlainLog(file);
  const memoryOnly = await openDevice({ sizeBytes });
  const times = {
    back: [] as number[],
    plain: [] as number[],
    read: [] as number[],
    readPlain: [] as number[],
  };
  const memory = { with: [] as number[], without: [] as number[] };
  const target = new Uint8Array(PAGE_BYTES);
  const buffer = new Uint8Array(MOST_UNIT_BYTES);
  const random = new SeededRandom(1);
  const readAll = (from: Device) => {
    for (let index = 0; index < pages.count; index++) from.readNow(index * PAGE_BYTES, target);
  };
  try {
    for (let round = -1; round < options.rounds; round++) {
      pages.restamp();
      device.reset();
      await settle();
      await writeAll(device, pages);
      await writeAll(memoryOnly, pages);
      const contents = compressedPages(pages);
      const bytes = contents.reduce((sum, { length }) => sum + RECORD_HEAD + length, 0);
      const withLog = await microsecondsEach(pages.count, () => readAll(device));
      const without = await microsecondsEach(pages.count, () => readAll(memoryOnly));
      const back = await microsecondsEach(1, async () => {
        await device.writeBack({ pages: [{ first: 0, last: pages.count - 1 }] });
      });
      await plain.renew();
      const plainTime = await microsecondsEach(1, () => plain.write(contents));
      const stats = device.stats();
      if (stats.compr_data_size !== 0)
        throw new Error(`${stats.compr_data_size} bytes stayed in memory`);
      const order = Array.from({ length: Math.min(pages.count, 4096) }, () =>
        random.below(pages.count),
      );
      const read = await microsecondsEach(order.length, async () => {
        for (const index of order) await device.read(index * PAGE_BYTES, target);
      });
      const readPlain = await microsecondsEach(order.length, async () => {
        for (const index of order) await plain.read(index, buffer, target);
      });
      if (round < 0) continue;
      times.back.push(bytes / back);
      times.plain.push(bytes / plainTime);
      times.read.push(read);
      times.readPlain.push(readPlain);
      memory.with.push(withLog);
      memory.without.push(without);
    }
  } finally {
    await device.close();
    await memoryOnly.close();
    await file.close();
    rmSync(folder, { recursive: true });
  }
  const ratio = (own: readonly number[], other: readonly number[]) =>
    median(own.map((value, round) => value / other[round]!));
  return {
    corpus: options.corpus,
    write_back: median(times.back),
    write_plain: median(times.plain),
    write_ratio: ratio(times.back, times.plain),
    read_log: median(times.read),
    read_plain: median(times.readPlain),
    read_ratio: ratio(times.read, times.readPlain),
    memory_with: median(memory.with),
    memory_without: median(memory.without),
    memory_ratio: ratio(memory.with, memory.without),
  };
}
