/**
 * Reads one message of the transmission phase, whatever it is, for tests in which the order or the shape of replies is
 * free. Where a test knows the bytes it expects them instead.
 */

import type { RawClient } from "./raw-client.ts";

export interface Message {
  readonly cookie: number;
  /** Whether nothing more is said of this request. */
  readonly isDone: boolean;
  /** 0 for none. */
  readonly error: number;
  /** What an error says. */
  readonly text?: string;
  /** Bytes of the export, where the message has some, and from where on; a hole is told by its zeros. */
  readonly offset?: number;
  readonly data?: Buffer;
  /** A context's number, and its extents as pairs of length and status. */
  readonly context?: number;
  readonly extents?: readonly (readonly [length: number, status: number])[];
}

/** A whole reply. `data` is put together from `offset` on. */
export interface Reply {
  readonly error: number;
  readonly data: Buffer;
  readonly messages: readonly Message[];
}

async function takeChunk(client: RawClient, head: Buffer): Promise<Message> {
  const isDone = head.readUInt16BE(4) === 1;
  const type = head.readUInt16BE(6);
  const cookie = Number(head.readBigUInt64BE(8));
  const length = (await client.take(4)).readUInt32BE(0);
  const payload = await client.take(length);
  const common = { cookie, isDone, error: 0 };
  switch (type) {
    case 0:
      return common;
    case 1:
      return { ...common, offset: Number(payload.readBigUInt64BE(0)), data: payload.subarray(8) };
    case 2: {
      const data = Buffer.alloc(payload.readUInt32BE(8));
      return { ...common, offset: Number(payload.readBigUInt64BE(0)), data };
    }
    case 5: {
      const extents: [number, number][] = [];
      for (let at = 4; at < length; at += 8)
        extents.push([payload.readUInt32BE(at), payload.readUInt32BE(at + 4)]);
      return { ...common, context: payload.readUInt32BE(0), extents };
    }
    case 0x8001:
      return { ...common, error: payload.readUInt32BE(0), text: payload.toString("utf8", 6) };
    default:
      throw new Error(`a chunk of type ${type}`);
  }
}

/** The next message; `lengthOf` tells the bytes that a read's simple reply carries, 0 for other requests. */
export async function takeMessage(
  client: RawClient,
  lengthOf: (cookie: number) => number = () => 0,
): Promise<Message> {
  const head = await client.take(16);
  const magic = head.readUInt32BE(0);
  if (magic === 0x668e33ef) return takeChunk(client, head);
  if (magic !== 0x67446698) throw new Error(`0x${magic.toString(16)} where a reply begins`);
  const error = head.readUInt32BE(4);
  const cookie = Number(head.readBigUInt64BE(8));
  const length = error === 0 ? lengthOf(cookie) : 0;
  const message = { cookie, isDone: true, error };
  return length === 0 ? message : { ...message, data: await client.take(length) };
}

/** The reply to the only request under way, `length` bytes from `offset` on if it is a read. */
export async function takeReply(
  client: RawClient,
  { offset = 0, length = 0 }: { readonly offset?: number; readonly length?: number } = {},
): Promise<Reply> {
  const data = Buffer.alloc(length, 0xee);
  const messages: Message[] = [];
  let error = 0;
  for (let isDone = false; !isDone; ) {
    const message = await takeMessage(client, () => length);
    messages.push(message);
    error ||= message.error;
    message.data?.copy(data, (message.offset ?? offset) - offset);
    isDone = message.isDone;
  }
  return { error, data, messages };
}
