/**
 * A server that says what a test tells it to, right or wrong. It knows nothing of src/nbd: the numbers here are copied
 * from the specification by hand.
 */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const u16 = (value: number) => Buffer.from([value >>> 8, value & 0xff]);
export const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
export const u64 = (value: number | bigint) => {
  const wide = BigInt(value);
  return Buffer.concat([u32(Number(wide >> 32n)), u32(Number(wide & 0xffff_ffffn))]);
};

const GO = 7;
const ACK = 1;
const UNSUP = 0x8000_0001;

export const NBDMAGIC = Buffer.from("NBDMAGIC");
const IHAVEOPT = Buffer.from("IHAVEOPT");

/** An option reply. */
export const optionReply = (option: number, type: number, data: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([u64(0x3e889045565a9n), u32(option), u32(type), u32(data.length), data]);

/** An option's replies: items of a type, and the end. */
export const replies =
  (option: number, type: number) =>
  (...items: readonly Uint8Array[]) =>
    Buffer.concat([
      ...items.map((item) => optionReply(option, type, item)),
      optionReply(option, ACK),
    ]);

/** A string and its length. */
export const text = (value: string) =>
  Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);

export const simpleReply = (cookie: Uint8Array, error = 0, data: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([u32(0x67446698), u32(error), cookie, data]);

const DONE = 1;

/** A chunk of a structured reply, the last one unless it says otherwise. */
export const chunk = (
  cookie: Uint8Array,
  type: number,
  payload: Uint8Array = Buffer.alloc(0),
  flags = DONE,
) => Buffer.concat([u32(0x668e33ef), u16(flags), u16(type), cookie, u32(payload.length), payload]);

export interface SeenRequest {
  readonly flags: number;
  readonly type: number;
  readonly cookie: Buffer;
  readonly offset: number;
  readonly length: number;
  readonly payload: Buffer;
}

/** The option or request that comes when the client has hung up. */
export const GONE = -1;

/** The server's end of one connection. */
export class Peer {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isEnded = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.#pieces.push(bytes);
      this.#bytes += bytes.length;
      this.#wake();
    });
    socket.on("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  /** Does not even notice any more when the client hangs up. */
  stopListening(): void {
    this.#socket.pause();
  }

  /** Hangs up once all is sent. */
  hangUpSoon(): void {
    this.#socket.end();
  }

  /** The next bytes; fewer if the client hangs up before. */
  async take(length: number): Promise<Buffer> {
    while (this.#bytes < length && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const all = Buffer.concat(this.#pieces);
    const taken = all.subarray(0, length);
    this.#pieces = [all.subarray(length)];
    this.#bytes -= taken.length;
    return taken;
  }

  /** All bytes until the client hangs up. */
  rest(): Promise<Buffer> {
    return this.take(Number.POSITIVE_INFINITY);
  }

  /** The greeting, and the flags the client answers with. */
  async greet(flags = 3): Promise<number> {
    this.send(NBDMAGIC, IHAVEOPT, u16(flags));
    return (await this.take(4)).readUInt32BE(0);
  }

  async option(): Promise<{ readonly option: number; readonly data: Buffer }> {
    const head = await this.take(16);
    if (head.length < 16) return { option: GONE, data: head };
    return { option: head.readUInt32BE(8), data: await this.take(head.readUInt32BE(12)) };
  }

  /** Greets and lets the client in. `contexts` get the numbers from 40 on. */
  async letIn(told: { size: number; flags?: number; isSimple?: boolean; contexts?: string[] }) {
    await this.greet();
    for (;;) {
      const { option } = await this.option();
      if (option === 8) this.send(optionReply(8, told.isSimple ? UNSUP : ACK));
      if (option === 10) {
        const contexts = told.contexts ?? [];
        const items = contexts.map((name, index) =>
          optionReply(10, 4, Buffer.concat([u32(40 + index), Buffer.from(name)])),
        );
        this.send(...items, optionReply(10, ACK));
      }
      if (option === GO) {
        const item = Buffer.concat([u16(0), u64(told.size), u16(told.flags ?? 1)]);
        this.send(optionReply(GO, 3, item), optionReply(GO, ACK));
        return;
      }
      if (option === GONE) return;
    }
  }

  async request(): Promise<SeenRequest> {
    const head = await this.take(28);
    if (head.length < 28) {
      return { flags: 0, type: GONE, cookie: head, offset: 0, length: 0, payload: head };
    }
    const type = head.readUInt16BE(6);
    const length = head.readUInt32BE(24);
    return {
      flags: head.readUInt16BE(4),
      type,
      cookie: head.subarray(8, 16),
      offset: Number(head.readBigUInt64BE(16)),
      length,
      payload: type === 1 ? await this.take(length) : Buffer.alloc(0),
    };
  }
}

/**
 * Runs `client` against a server that follows `script` on each connection, with the server's URI. A script that fails
 * makes it fail.
 */
export async function withFakeServer(
  script: (peer: Peer) => Promise<void>,
  client: (uri: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "pagefold-nbd-"));
  const path = join(folder, "socket");
  const sockets = new Set<Socket>();
  const runs: Promise<void>[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    runs.push(script(new Peer(socket)));
  }).listen(path);
  try {
    await once(server, "listening");
    await client(`nbd+unix:///?socket=${path}`);
    for (const socket of sockets) socket.destroy();
    await Promise.all(runs);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(folder, { recursive: true });
  }
}

export type Answers = Readonly<Record<number, Buffer>>;

/** A script that greets and gives each option its answer; what has none is unsupported. Notes the options that come. */
export function answering(answers: Answers, seen: (readonly [number, string])[] = []) {
  return async (peer: Peer) => {
    await peer.greet();
    for (;;) {
      const { option, data } = await peer.option();
      if (option === GONE) return;
      seen.push([option, data.toString("hex")]);
      const answer = answers[option] ?? optionReply(option, UNSUP);
      peer.send(answer);
      const isLetIn = option === GO && answer.readUInt32BE(answer.length - 8) === ACK;
      if (isLetIn) await peer.rest();
    }
  };
}
