/**
 * The one error class of pagefold and its closed set of codes. Every boundary (library call, command line, file, wire)
 * checks its input once and answers with one of these; a broken assumption of our own is an `assert` instead.
 *
 * A message always holds the offending value, the limit it broke and what to do about it.
 */

/** The longest name of anything, in bytes of UTF-8, as zram has it. */
export const MOST_NAME_BYTES = 127;

/** Each code with the system errno a block device would answer with. */
const ERROR_ERRNO = {
  /** An argument of the wrong type or shape, or outside its range. */
  INVALID_ARGUMENT: "EINVAL",
  /** A page index, offset or length past the end of the device. */
  OUT_OF_RANGE: "EINVAL",
  /** A codec name nobody registered. */
  UNKNOWN_CODEC: "EINVAL",
  /** A codec that loads asynchronously and has not been loaded: `await loadCodec(name)` first. */
  CODEC_NOT_LOADED: "EINVAL",
  /** A name longer than 127 bytes. */
  NAME_TOO_LONG: "E2BIG",
  /** The device, export or store was closed. */
  CLOSED: "EBADF",
  /** Something with that name is open, or the thing asked for needs nobody to have it open. */
  BUSY: "EBUSY",
  /** No export, file or process of that name. */
  NOT_FOUND: "ENOENT",
  /** The system refused access. */
  NOT_PERMITTED: "EPERM",
  /** The memory limit, an export's limit or the table of objects is exhausted. */
  NO_SPACE: "ENOSPC",
  /** The process could not get the memory. */
  NO_MEMORY: "ENOMEM",
  /** Stored or given compressed bytes do not decode. */
  CORRUPT: "EIO",
  /** Reading or writing a file failed. */
  IO: "EIO",
  /** Not available on this system. */
  UNSUPPORTED: "ENOTSUP",
  /** It could be done by waiting alone, and the method called does not wait. */
  WOULD_WAIT: "EAGAIN",
  /** The other end of a connection sent what its protocol does not allow. */
  PROTOCOL: "EPROTO",
  /** The server is ending; it takes no more work. */
  SHUTDOWN: "ESHUTDOWN",
} as const;

export type ErrorCode = keyof typeof ERROR_ERRNO;
export type Errno = (typeof ERROR_ERRNO)[ErrorCode];

/** What every refusal of pagefold is: `code` says what was wrong, `errno` what a device would answer. */
export class PagefoldError extends Error {
  override readonly name = "PagefoldError";
  readonly code: ErrorCode;
  readonly errno: Errno;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.errno = ERROR_ERRNO[code];
  }
}

/** What an error says of itself, for a sentence of ours. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
