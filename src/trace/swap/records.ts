/**
 * The records of a trace, and their bytes: what clients asked for, in the order in which it was done.
 *
 * A record's offset, time and contents are kept as what changed since the record before, so an encoder or decoder has
 * to see all records of a trace from the first on. Records were checked when they were written (the server does that);
 * a decoder checks them again, since a file may come from anywhere.
 */

import { assert } from "../../base/assert.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { type ByteReader, type ByteWriter, MalformedBytes } from "./bytes.ts";
import { MOST_REQUEST_BYTES, type TraceExport } from "./format.ts";

/**
 * What a page written whole holds: the number of a content of the trace (they are numbered from 0 on in the order in
 * which they were first written), or the word it is filled with, its 8 bytes read as an unsigned number, lowest first.
 */
export type PageContent = number | bigint;

export interface AtTime {
  /** Microseconds since recording began. */
  readonly timeUs: number;
  readonly exportIndex: number;
  /** Both 0 for a flush. */
  readonly offset: number;
  readonly length: number;
}

/** A request without contents; `reserve_zeroes` is a write of zeros that keeps its place. */
export interface PlainRecord extends AtTime {
  readonly kind: "read" | "discard" | "write_zeroes" | "reserve_zeroes" | "flush";
}

/** A write: the bytes before its first whole page, the whole pages, the bytes after them. */
export interface WriteRecord extends AtTime {
  readonly kind: "write";
  readonly head: Uint8Array;
  readonly pages: readonly PageContent[];
  readonly tail: Uint8Array;
}

export type TraceRecord = PlainRecord | WriteRecord;
export type RecordKind = TraceRecord["kind"];

/** A record's first byte: the kind in bits 0 to 2, and flags. */
const KINDS: readonly RecordKind[] = [
  "read",
  "write",
  "discard",
  "write_zeroes",
  "reserve_zeroes",
  "flush",
];
const KIND_BITS = 0x07;
/** Offset and length are counted in pages, not in bytes. */
const IN_PAGES = 0x08;
/** It goes to another export than the record before; that one's index follows. */
const OTHER_EXPORT = 0x10;
/** The first byte of a whole page's content: a word follows, or else the distance from the next new content. */
const FILLED = 1;

/** Bytes of a write before its first whole page, and after its last. */
function partsOf(offset: number, length: number): { headBytes: number; pages: number } {
  const toBoundary = (PAGE_BYTES - (offset % PAGE_BYTES)) % PAGE_BYTES;
  const headBytes = Math.min(toBoundary, length);
  return { headBytes, pages: Math.floor((length - headBytes) / PAGE_BYTES) };
}

/** What both sides have to keep from record to record. */
class Course {
  timeUs = 0;
  exportIndex = 0;
  /** The content number that comes next. */
  nextContent = 0;
  /** Where the last request to each export ended. */
  readonly ends: number[];

  constructor(exports: number) {
    this.ends = new Array<number>(exports).fill(0);
  }
}

/** What a whole page of a write holds, as the encoder asks for it. */
export type ContentOf = (page: Buffer) => PageContent;

export class RecordEncoder {
  readonly #course: Course;
  readonly #exports: readonly TraceExport[];
  readonly #target: ByteWriter;

  constructor(exports: readonly TraceExport[], target: ByteWriter) {
    this.#course = new Course(exports.length);
    this.#exports = exports;
    this.#target = target;
  }

  /** Begins a record; a flush has no place. */
  #begin(kind: RecordKind, { timeUs, exportIndex, offset, length }: AtTime): void {
    const course = this.#course;
    const sizeBytes = this.#exports[exportIndex]?.sizeBytes ?? -1;
    assert(offset + length <= sizeBytes, "a request to record is not within an export");
    const isPaged = kind !== "flush" && offset % PAGE_BYTES === 0 && length % PAGE_BYTES === 0;
    const isOther = exportIndex !== course.exportIndex;
    const flags = (isPaged ? IN_PAGES : 0) | (isOther ? OTHER_EXPORT : 0);
    this.#target.varint(KINDS.indexOf(kind) | flags);
    if (isOther) this.#target.varint(exportIndex);
    this.#target.varint(timeUs - course.timeUs);
    course.timeUs = timeUs;
    course.exportIndex = exportIndex;
    if (kind === "flush") return;
    const unit = isPaged ? PAGE_BYTES : 1;
    const end = Math.floor(course.ends[exportIndex]! / unit);
    this.#target.signedVarint(offset / unit - end);
    this.#target.varint(length / unit);
    course.ends[exportIndex] = offset + length;
  }

  plain(record: PlainRecord): void {
    this.#begin(record.kind, record);
  }

  /** Encodes a write; `contentOf` is asked for each whole page, in order, after the record has begun. */
  write(at: AtTime, source: Buffer, contentOf: ContentOf): void {
    this.#begin("write", at);
    const { headBytes, pages } = partsOf(at.offset, at.length);
    this.#target.bytes(source.subarray(0, headBytes));
    let done = headBytes;
    for (let page = 0; page < pages; page++) {
      this.#content(contentOf(source.subarray(done, done + PAGE_BYTES)));
      done += PAGE_BYTES;
    }
    this.#target.bytes(source.subarray(done));
  }

  /** 0: the next new content; 1: filled, its word follows; from 2 on: that content less 1 counted back from it. */
  #content(content: PageContent): void {
    const course = this.#course;
    if (typeof content === "bigint") {
      this.#target.varint(FILLED);
      this.#target.word(content);
    } else if (content === course.nextContent) {
      this.#target.varint(0);
      course.nextContent += 1;
    } else {
      assert(content < course.nextContent, "a content is referred to before it is new");
      this.#target.varint(course.nextContent - content + 1);
    }
  }
}

export class RecordDecoder {
  readonly #course: Course;
  readonly #exports: readonly TraceExport[];

  constructor(exports: readonly TraceExport[]) {
    this.#course = new Course(exports.length);
    this.#exports = exports;
  }

  /** The next record; contents numbered from `contents` on have not been seen yet. */
  next(source: ByteReader, contents: number): TraceRecord {
    const course = this.#course;
    const first = source.varint();
    const kind = KINDS[first & KIND_BITS];
    if (kind === undefined || first > (KIND_BITS | IN_PAGES | OTHER_EXPORT))
      throw new MalformedBytes(`a record begins with ${first}`);
    if ((first & OTHER_EXPORT) !== 0) course.exportIndex = source.varint();
    course.timeUs += source.varint();
    const { timeUs, exportIndex } = course;
    const sizeBytes = this.#exports[exportIndex]?.sizeBytes;
    if (sizeBytes === undefined || !Number.isSafeInteger(timeUs))
      throw new MalformedBytes(`a record is of export ${exportIndex} at ${timeUs} us`);
    if (kind === "flush") return { kind, timeUs, exportIndex, offset: 0, length: 0 };

    const unit = (first & IN_PAGES) === 0 ? 1 : PAGE_BYTES;
    const offset = (Math.floor(course.ends[exportIndex]! / unit) + source.signedVarint()) * unit;
    const length = source.varint() * unit;
    const hasBuffer = kind === "read" || kind === "write";
    if (offset < 0 || offset + length > sizeBytes || (hasBuffer && length > MOST_REQUEST_BYTES))
      throw new MalformedBytes(`a ${kind} is of ${length} bytes at offset ${offset}`);
    course.ends[exportIndex] = offset + length;
    if (kind !== "write") return { kind, timeUs, exportIndex, offset, length };

    const parts = partsOf(offset, length);
    const head = source.bytes(parts.headBytes);
    const pages: PageContent[] = [];
    for (let page = 0; page < parts.pages; page++) pages.push(this.#content(source, contents));
    const tail = source.bytes(length - parts.headBytes - parts.pages * PAGE_BYTES);
    return { kind, timeUs, exportIndex, offset, length, head, pages, tail };
  }

  #content(source: ByteReader, contents: number): PageContent {
    const course = this.#course;
    const distance = source.varint();
    if (distance === FILLED) return source.word();
    const content = distance === 0 ? course.nextContent++ : course.nextContent - distance + 1;
    if (content < 0 || content >= contents)
      throw new MalformedBytes(`a page has content ${content} of ${contents}`);
    return content;
  }
}
