/**
 * The NBD protocol's numbers, under the names of its specification without the prefix NBD_ (doc/proto.md of
 * NetworkBlockDevice/nbd). All integers on the wire are big-endian. Behaviour is elsewhere: handshake.ts and
 * transmission.ts for the server, client.ts for the client.
 */

/** The first eight bytes a server sends. */
export const INIT_PASSWD = 0x4e42444d41474943n;
/** Heads each option, and follows INIT_PASSWD in newstyle negotiation. */
export const IHAVEOPT = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Bytes of the server's greeting: two magic numbers and its handshake flags. */
export const GREETING_BYTES = 18;
/** Bytes of an option's head: magic, option, length. */
export const OPTION_HEAD_BYTES = 16;
/** Bytes of an option reply's head: magic, option, type, length. */
export const OPTION_REPLY_HEAD_BYTES = 20;
/** Bytes of a request: magic, flags, type, cookie, offset, length. */
export const REQUEST_BYTES = 28;
/** Bytes of a simple reply: magic, error, cookie. */
export const SIMPLE_REPLY_BYTES = 16;
/** Bytes of a structured reply chunk's head: magic, flags, type, cookie, length. */
export const CHUNK_HEAD_BYTES = 20;
/** Zeros after the answer to EXPORT_NAME, unless both sides said NO_ZEROES. */
export const EXPORT_NAME_ZEROES = 124;

/** Longest string, in bytes: export names, error messages, queries. */
export const MOST_STRING_BYTES = 4096;
/** What a client may send or ask for in one request without having asked the server for its limit, 32 MiB. */
export const DEFAULT_MOST_PAYLOAD = 2 ** 25;
/** Most extents in one answer to BLOCK_STATUS. */
export const MOST_EXTENTS = 2 ** 20;
/** The port registered for NBD. */
export const DEFAULT_PORT = 10809;

/** Flags of the server's greeting; the client answers with the same bits. */
export const HANDSHAKE_FLAG = { FIXED_NEWSTYLE: 1 << 0, NO_ZEROES: 1 << 1 } as const;

/** What a server says an export can do. */
export const TRANSMISSION_FLAG = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_FLUSH: 1 << 2,
  SEND_FUA: 1 << 3,
  ROTATIONAL: 1 << 4,
  SEND_TRIM: 1 << 5,
  SEND_WRITE_ZEROES: 1 << 6,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
  SEND_RESIZE: 1 << 9,
  SEND_CACHE: 1 << 10,
  SEND_FAST_ZERO: 1 << 11,
} as const;

export const OPTION = {
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

/** Types of an option's reply; those from 2^31 on are errors. */
export const OPTION_REPLY = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 0x8000_0001,
  ERR_POLICY: 0x8000_0002,
  ERR_INVALID: 0x8000_0003,
  ERR_PLATFORM: 0x8000_0004,
  ERR_TLS_REQD: 0x8000_0005,
  ERR_UNKNOWN: 0x8000_0006,
  ERR_SHUTDOWN: 0x8000_0007,
  ERR_BLOCK_SIZE_REQD: 0x8000_0008,
  ERR_TOO_BIG: 0x8000_0009,
} as const;

/** Whether an option reply's type is an error. */
export function isOptionError(type: number): boolean {
  return type >= 0x8000_0000;
}

/** Items of the answer to INFO and GO. */
export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

export const COMMAND = {
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

export const COMMAND_FLAG = {
  FUA: 1 << 0,
  NO_HOLE: 1 << 1,
  DF: 1 << 2,
  REQ_ONE: 1 << 3,
  FAST_ZERO: 1 << 4,
} as const;

/** The flag of the last chunk of a structured reply. */
export const REPLY_FLAG_DONE = 1 << 0;

/** Types of structured reply chunks; those with bit 15 are errors. */
export const REPLY_TYPE = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  ERROR: 0x8001,
  ERROR_OFFSET: 0x8002,
} as const;

/** The errors a reply may carry. */
export const NBD_ERROR = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

export type NbdError = (typeof NBD_ERROR)[keyof typeof NBD_ERROR];

/** The metadata context every server knows, and its states of an extent. */
export const BASE_ALLOCATION = "base:allocation";
export const STATE_HOLE = 1 << 0;
export const STATE_ZERO = 1 << 1;

/**
 * pagefold's own metadata context and its states of an extent. Sharing is told within the export alone: that another
 * export holds the same page would tell one client what another one has.
 */
export const PAGEFOLD_STATE = "x-pagefold:state";
