/**
 * The file format of swap traces: its constants, the head of a file and the heads of its blocks. docs/traces.md has the
 * grammar and a worked example; records.ts the records inside the blocks.
 *
 *     file   magic 8 | version 4 | bytes of the table 4 | table of exports | check 8 | blocks
 *     block  head 32 | body
 *     head   number 4 | bytes of the body 4 | bytes of records 4 | records 4 | contents 2 | method 2 |
 *            check of the body 8 | check of the head so far 4
 *
 * Whole numbers of fixed width are unsigned, the lowest byte first. A check is the first bytes of a SHA-256. A block
 * with nothing in it ends a trace that was closed; one without it was cut short.
 */

import { createHash } from "node:crypto";
import { MOST_SIZE_BYTES } from "../../device/options.ts";
import { ByteReader, ByteWriter, MalformedBytes } from "./bytes.ts";

export const TRACE_VERSION = 1;

/** The line feed tells a file that went through a conversion of text. */
const MAGIC = Buffer.from("PFTRACE\n", "latin1");
const FILE_CHECK_BYTES = 8;
export const PREFIX_BYTES = MAGIC.length + 8;
export const BLOCK_HEAD_BYTES = 32;
const BODY_CHECK_BYTES = 8;
const BODY_CHECK_OFFSET = 20;
const HEAD_CHECK_OFFSET = 28;
const HEAD_CHECK_BYTES = 4;

/** How a body is kept: as it is, or compressed with Brotli. */
export const METHOD = { stored: 0, brotli: 1 } as const;

/** What a head may ask for: a file that claims more is damaged or made to do harm. */
const MOST_TABLE_BYTES = 2 ** 24;
const MOST_RECORD_BYTES = 2 ** 20;
const MOST_CONTENTS = 2 ** 8;
const MOST_BODY_BYTES = 2 ** 21;
const MOST_NAME_BYTES = 4096;
/** Most bytes of one read or write. */
export const MOST_REQUEST_BYTES = 2 ** 26;

/** An export as it was while the trace was recorded. */
export interface TraceExport {
  readonly name: string;
  readonly domain: string;
  readonly sizeBytes: number;
}

/** The head of a block. */
export interface BlockHead {
  /** From 0 on, in the order of the file. */
  readonly number: number;
  readonly bodyBytes: number;
  /** Of the body once decompressed: first the records' bytes, then 4096 for each content. */
  readonly recordBytes: number;
  readonly records: number;
  readonly contents: number;
  readonly method: number;
}

function check(bytes: Uint8Array, count: number): Buffer {
  return createHash("sha256").update(bytes).digest().subarray(0, count);
}

/** The bytes of a file before its first block. */
export function encodeFileHead(exports: readonly TraceExport[]): Buffer {
  const table = new ByteWriter(256);
  table.varint(exports.length);
  for (const { name, domain, sizeBytes } of exports) {
    for (const text of [name, domain]) {
      const bytes = Buffer.from(text);
      table.varint(bytes.length);
      table.bytes(bytes);
    }
    table.varint(sizeBytes);
  }
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt32LE(TRACE_VERSION, MAGIC.length);
  prefix.writeUInt32LE(table.length, MAGIC.length + 4);
  const head = Buffer.concat([prefix, table.written]);
  return Buffer.concat([head, check(head, FILE_CHECK_BYTES)]);
}

/** What the first bytes of a file say: another kind of file, another version, or how long the rest of the head is. */
export type Prefix =
  | { readonly kind: "other" }
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "trace"; readonly restBytes: number };

/** Reads the first PREFIX_BYTES of a file, or as many as it has. */
export function parsePrefix(prefix: Buffer): Prefix {
  const known = prefix.subarray(0, MAGIC.length);
  if (prefix.length === 0 || !known.equals(MAGIC.subarray(0, known.length)))
    return { kind: "other" };
  if (prefix.length < PREFIX_BYTES) throw new MalformedBytes("its head is cut short");
  const version = prefix.readUInt32LE(MAGIC.length);
  if (version !== TRACE_VERSION) return { kind: "version", version };
  const tableBytes = prefix.readUInt32LE(MAGIC.length + 4);
  if (tableBytes > MOST_TABLE_BYTES)
    throw new MalformedBytes(`its table would have ${tableBytes} bytes`);
  return { kind: "trace", restBytes: tableBytes + FILE_CHECK_BYTES };
}

function parseText(table: ByteReader): string {
  const bytes = table.varint();
  if (bytes > MOST_NAME_BYTES) throw new MalformedBytes(`a name would have ${bytes} bytes`);
  return table.bytes(bytes).toString();
}

/** The exports, from the whole head of a file. */
export function parseFileHead(head: Buffer): TraceExport[] {
  const end = head.length - FILE_CHECK_BYTES;
  const checked = head.subarray(0, end);
  if (!head.subarray(end).equals(check(checked, FILE_CHECK_BYTES)))
    throw new MalformedBytes("the check of its head does not agree");
  const table = new ByteReader(checked.subarray(PREFIX_BYTES));
  const exports: TraceExport[] = [];
  for (let left = table.varint(); left > 0; left--) {
    const name = parseText(table);
    const domain = parseText(table);
    const sizeBytes = table.varint();
    if (sizeBytes < 1 || sizeBytes > MOST_SIZE_BYTES)
      throw new MalformedBytes(`an export would have ${sizeBytes} bytes`);
    exports.push({ name, domain, sizeBytes });
  }
  if (table.left > 0) throw new MalformedBytes("its table has bytes left over");
  if (new Set(exports.map(({ name }) => name)).size < exports.length)
    throw new MalformedBytes("two of its exports have one name");
  return exports;
}

/** Whether a block is the one that ends a closed trace. */
export function isEndBlock(head: BlockHead): boolean {
  return head.bodyBytes === 0;
}

export function encodeBlockHead(head: BlockHead, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(BLOCK_HEAD_BYTES);
  bytes.writeUInt32LE(head.number % 2 ** 32, 0);
  bytes.writeUInt32LE(head.bodyBytes, 4);
  bytes.writeUInt32LE(head.recordBytes, 8);
  bytes.writeUInt32LE(head.records, 12);
  bytes.writeUInt16LE(head.contents, 16);
  bytes.writeUInt16LE(head.method, 18);
  bytes.set(check(body, BODY_CHECK_BYTES), BODY_CHECK_OFFSET);
  bytes.set(check(bytes.subarray(0, HEAD_CHECK_OFFSET), HEAD_CHECK_BYTES), HEAD_CHECK_OFFSET);
  return bytes;
}

/** The head of the block that has to have that number. */
export function parseBlockHead(bytes: Buffer, number: number): BlockHead {
  const known = check(bytes.subarray(0, HEAD_CHECK_OFFSET), HEAD_CHECK_BYTES);
  if (!bytes.subarray(HEAD_CHECK_OFFSET).equals(known))
    throw new MalformedBytes("the check of its head does not agree");
  const found = bytes.readUInt32LE(0);
  if (found !== number % 2 ** 32) throw new MalformedBytes(`it is block ${found}`);
  const head: BlockHead = {
    number,
    bodyBytes: bytes.readUInt32LE(4),
    recordBytes: bytes.readUInt32LE(8),
    records: bytes.readUInt32LE(12),
    contents: bytes.readUInt16LE(16),
    method: bytes.readUInt16LE(18),
  };
  const isWithin =
    head.bodyBytes <= MOST_BODY_BYTES &&
    head.recordBytes <= MOST_RECORD_BYTES &&
    head.contents <= MOST_CONTENTS &&
    (head.method === METHOD.stored || head.method === METHOD.brotli);
  if (!isWithin) throw new MalformedBytes(`its head says ${JSON.stringify(head)}`);
  return head;
}

/** Whether `body` is the one the head's bytes were made for. */
export function isBodyWhole(headBytes: Buffer, body: Uint8Array): boolean {
  const end = BODY_CHECK_OFFSET + BODY_CHECK_BYTES;
  return headBytes.subarray(BODY_CHECK_OFFSET, end).equals(check(body, BODY_CHECK_BYTES));
}
