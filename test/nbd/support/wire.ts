/**
 * NBD messages as bytes, spelled out from the text of the specification (doc/proto.md of NetworkBlockDevice/nbd) and
 * from nothing of ours: a number that is wrong in src/nbd/protocol.ts does not agree with this file.
 */

export function u16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff]);
}

export function u32(value: number): Buffer {
  return Buffer.from([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
}

export function u64(value: number | bigint): Buffer {
  return Buffer.from(BigInt(value).toString(16).padStart(16, "0"), "hex");
}

export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(" ", ""), "hex");
}

export function text(characters: string): Buffer {
  return Buffer.from(characters, "utf8");
}

/** Parts one behind the other. */
export function bytes(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts);
}

/** "NBDMAGIC", "IHAVEOPT", and the flags FIXED_NEWSTYLE (bit 0) and NO_ZEROES (bit 1). */
export const GREETING = hex("4e42444d41474943 49484156454f5054 0003");
export const CLIENT_FIXED = u32(1);
export const CLIENT_FIXED_NO_ZEROES = u32(3);

export const OPT = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  PEEK_EXPORT: 4,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
  EXTENDED_HEADERS: 11,
} as const;

/** The specification writes the errors as 2^31 + n. */
export const REP = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 2147483649,
  ERR_POLICY: 2147483650,
  ERR_INVALID: 2147483651,
  ERR_TLS_REQD: 2147483653,
  ERR_UNKNOWN: 2147483654,
  ERR_SHUTDOWN: 2147483655,
  ERR_TOO_BIG: 2147483657,
} as const;

export const CMD = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
  RESIZE: 8,
} as const;

export const FLAG = {
  FUA: 1,
  NO_HOLE: 2,
  DF: 4,
  REQ_ONE: 8,
  FAST_ZERO: 16,
  PAYLOAD_LEN: 32,
} as const;

export const ERR = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

/** An option: "IHAVEOPT", its number, the length of its data, the data. */
export function option(number: number, data: Buffer = Buffer.alloc(0)): Buffer {
  return bytes(hex("49484156454f5054"), u32(number), u32(data.length), data);
}

/** A reply to an option. */
export function optionReply(number: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  return bytes(hex("0003e889045565a9"), u32(number), u32(type), u32(data.length), data);
}

/** A string after its 32-bit length. */
export function sized(characters: string): Buffer {
  const string = text(characters);
  return bytes(u32(string.length), string);
}

/** The data of INFO and GO: a name and the items asked for. */
export function infoData(name: string, items: readonly number[] = []): Buffer {
  return bytes(sized(name), u16(items.length), ...items.map(u16));
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
export function contextData(name: string, queries: readonly string[]): Buffer {
  return bytes(sized(name), u32(queries.length), ...queries.map(sized));
}

export interface RequestFields {
  readonly flags?: number;
  readonly cookie?: number | bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly payload?: Buffer;
}

/** A request; with a payload its length is the payload's unless told. */
export function request(type: number, fields: RequestFields = {}): Buffer {
  const { flags = 0, cookie = 0, offset = 0, payload = Buffer.alloc(0) } = fields;
  const { length = payload.length } = fields;
  const head = bytes(u32(0x25609513), u16(flags), u16(type), u64(cookie), u64(offset), u32(length));
  return bytes(head, payload);
}

export function simpleReply(
  cookie: number | bigint,
  error = 0,
  data: Buffer = Buffer.alloc(0),
): Buffer {
  return bytes(u32(0x67446698), u32(error), u64(cookie), data);
}

/** A structured reply's chunk. */
function chunk(
  cookie: number | bigint,
  fields: { readonly isDone: boolean; readonly type: number; readonly payload?: Buffer },
): Buffer {
  const { isDone, type, payload = Buffer.alloc(0) } = fields;
  const flags = u16(isDone ? 1 : 0);
  return bytes(u32(0x668e33ef), flags, u16(type), u64(cookie), u32(payload.length), payload);
}

type Place = { readonly isDone: boolean };

export function noneChunk(cookie: number | bigint): Buffer {
  return chunk(cookie, { isDone: true, type: 0 });
}

export function dataChunk(
  cookie: number | bigint,
  { offset, data, isDone }: Place & { readonly offset: number; readonly data: Buffer },
): Buffer {
  return chunk(cookie, { isDone, type: 1, payload: bytes(u64(offset), data) });
}

export function holeChunk(
  cookie: number | bigint,
  { offset, length, isDone }: Place & { readonly offset: number; readonly length: number },
): Buffer {
  return chunk(cookie, { isDone, type: 2, payload: bytes(u64(offset), u32(length)) });
}

/** Extents as pairs of length and status. */
export function statusChunk(
  cookie: number | bigint,
  {
    context,
    extents,
    isDone,
  }: Place & {
    readonly context: number;
    readonly extents: readonly (readonly [length: number, status: number])[];
  },
): Buffer {
  const pairs = extents.map(([length, status]) => bytes(u32(length), u32(status)));
  return chunk(cookie, { isDone, type: 5, payload: bytes(u32(context), ...pairs) });
}
