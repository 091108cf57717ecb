/**
 * A socket to a server: what a test says to it, and what it expects to come back, both in bytes. The messages of errors
 * are the exception, since no test can foretell them: they are checked to be what a person can read, and given back.
 */

import { connect, type Socket } from "node:net";
import { expect } from "vitest";
import { bytes, hex, u16, u32, u64 } from "./wire.ts";

/** Most bytes shown of those that came and those that should have. */
const SHOWN_BYTES = 96;
/** When an answer that does not come is given up. */
const PATIENCE_MS = 20_000;

function shown(data: Buffer): string {
  const digits = data.toString("hex", 0, SHOWN_BYTES).replaceAll(/(.{8})/g, "$1 ");
  return `${data.length} bytes ${digits}${data.length > SHOWN_BYTES ? "…" : ""}`;
}

/** Gives a server in this process the turns it takes to read what was sent. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
}

/** Throws unless the message is one for a person: some text, no control characters, within the protocol's limit. */
function readable(message: Buffer): string {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(message);
  expect(text).toMatch(/^[^\p{Cc}]+$/u);
  expect(message.length).toBeLessThanOrEqual(4096);
  return text;
}

export class RawClient {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #isEnded = false;
  #look: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#received.push(data);
      this.#receivedBytes += data.length;
      this.#look();
    });
    // A server that cuts a client off is what some tests are about, so an error ends the connection and no more.
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.#isEnded = true;
        this.#look();
      });
    }
  }

  static connect(path: string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(...parts: readonly Buffer[]): void {
    this.#socket.write(bytes(...parts));
  }

  /** Sends, and waits until the system has taken all of it: the server has read on. */
  sendAll(...parts: readonly Buffer[]): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes(...parts), () => resolve()));
  }

  /** Sends each byte by itself: the server has read it before the next one goes. */
  async sendBytewise(data: Buffer): Promise<void> {
    for (const byte of data) {
      await this.sendAll(Buffer.from([byte]));
      await settle();
    }
  }

  /** Bytes that came and were not taken. */
  get unreadBytes(): number {
    return this.#receivedBytes;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  #until(isSo: () => boolean, what: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#look = () => {};
        end();
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`gave up waiting for ${what()}`))),
        PATIENCE_MS,
      );
      this.#look = () => {
        if (isSo()) settle(resolve);
        else if (this.#isEnded) settle(() => reject(new Error(`the server went before ${what()}`)));
      };
      this.#look();
    });
  }

  /** The next bytes, when they are there. */
  async take(count: number): Promise<Buffer> {
    await this.#until(
      () => this.#receivedBytes >= count,
      () => `${count} bytes, and had ${shown(Buffer.concat(this.#received))}`,
    );
    if (count === 0) return Buffer.alloc(0);
    if (this.#received[0]!.length < count) this.#received = [Buffer.concat(this.#received)];
    const first = this.#received[0]!;
    if (first.length === count) this.#received.shift();
    else this.#received[0] = first.subarray(count);
    this.#receivedBytes -= count;
    return first.subarray(0, count);
  }

  /** What comes next is exactly that. */
  async expect(...parts: readonly Buffer[]): Promise<void> {
    const expected = bytes(...parts);
    const found = await this.take(expected.length);
    if (found.equals(expected)) return;
    const at = found.findIndex((byte, index) => byte !== expected[index]);
    expect.fail(
      `from byte ${at} on: ${shown(found.subarray(at))}, not ${shown(expected.subarray(at))}`,
    );
  }

  /** What comes next is an option's refusal: its message. */
  async expectOptionError(option: number, type: number): Promise<string> {
    const head = await this.take(20);
    expect(shown(head.subarray(0, 16))).toBe(
      shown(bytes(hex("0003e889045565a9"), u32(option), u32(type))),
    );
    return readable(await this.take(head.readUInt32BE(16)));
  }

  /** What comes next is a structured reply of an error alone, without a place: its message. */
  async expectErrorChunk(cookie: number | bigint, error: number): Promise<string> {
    const head = await this.take(20);
    const length = head.readUInt32BE(16);
    expect(shown(head)).toBe(
      shown(bytes(u32(0x668e33ef), u16(1), u16(0x8001), u64(cookie), u32(length))),
    );
    const payload = await this.take(length);
    expect(shown(payload.subarray(0, 6))).toBe(shown(bytes(u32(error), u16(length - 6))));
    return readable(payload.subarray(6));
  }

  /** The server ends the connection, and nothing more comes before. */
  async expectEnd(): Promise<void> {
    await this.#until(
      () => this.#isEnded,
      () => "the connection's end",
    );
    expect(shown(Buffer.concat(this.#received))).toBe(shown(Buffer.alloc(0)));
  }

  /** Leaves what comes to the system; it is still there for `readOn`. */
  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  /** Says that nothing more will be sent. */
  endSending(): void {
    this.#socket.end();
  }

  /** Is gone, without a word. */
  vanish(): void {
    this.#socket.destroy();
  }
}
