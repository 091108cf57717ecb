/** What a reply says of an error: the protocol knows eight numbers, and every failure becomes one of them here. */

import { PagefoldError } from "../../base/errors.ts";
import { printable } from "../../base/text.ts";
import { NBD_ERROR, type NbdError } from "../protocol.ts";

/** Longest message of an error reply, in bytes; a person reads it. */
const MOST_MESSAGE_BYTES = 512;

/** The number for whatever a disk failed with. ENOTSUP and EOVERFLOW are only for requests that may get them. */
export function nbdErrorOf(cause: unknown): NbdError {
  if (!(cause instanceof PagefoldError)) return NBD_ERROR.EIO;
  switch (cause.code) {
    case "NO_SPACE":
      return NBD_ERROR.ENOSPC;
    case "NO_MEMORY":
      return NBD_ERROR.ENOMEM;
    case "NOT_PERMITTED":
      return NBD_ERROR.EPERM;
    case "SHUTDOWN":
    case "CLOSED":
      return NBD_ERROR.ESHUTDOWN;
    case "INVALID_ARGUMENT":
    case "OUT_OF_RANGE":
      return NBD_ERROR.EINVAL;
    default:
      return NBD_ERROR.EIO;
  }
}

/**
 * What a failure says to the client. Of the store's figures, which would tell what other clients do, it is told
 * nothing, and of what is not ours no more than that it happened.
 */
export function messageOf(cause: unknown): string {
  if (!(cause instanceof PagefoldError)) return "the server failed; its log says more";
  if (cause.code === "NO_SPACE")
    return "no room: the export or the store is at its limit; discard pages, or have the limit raised";
  if (cause.code === "NO_MEMORY") return "the server has no memory for it";
  return cause.message;
}

/** A message as the wire has it: printable, not too long, whole characters. */
export function wireMessage(text: string): Buffer {
  const bytes = Buffer.from(printable(text));
  if (bytes.length <= MOST_MESSAGE_BYTES) return bytes;
  let end = MOST_MESSAGE_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
