/**
 * The way out of a connection: replies are written one behind the other into a block of bytes, which goes to the socket
 * once per turn, so that many small replies cost one system call.
 *
 * Holds always: what a block holds is not touched between its being handed to the socket and the socket's having
 * written it, nor is what was left to a caller; `pendingBytes` counts all that waits for the client to read it.
 */

import type { Writable } from "node:stream";
import { assert } from "../../base/assert.ts";

const BLOCK_BYTES = 2 ** 18;
/** Beyond that many bytes waiting for the client no further request is begun. */
const MOST_PENDING_BYTES = 2 ** 20;
/** Up to so many bytes are copied out of their block where they would keep all of it for as long as they wait. */
const MOST_COPIED_BYTES = 2 ** 15;
/** Written blocks kept for use again. */
const MOST_FREE_BLOCKS = 8;

export class ReplyStream {
  readonly #socket: Writable;
  readonly #onRoom: () => void;
  readonly #freeBlocks: Buffer[] = [];
  #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** Where the replies not sent yet begin in the block; not 0: parts before were left to callers, who keep it. */
  #first = 0;
  #used = 0;
  #claimed = 0;
  #pendingBytes = 0;
  #isClosed = false;

  /** `onRoom` is called whenever the client has read on. */
  constructor(socket: Writable, onRoom: () => void) {
    this.#socket = socket;
    this.#onRoom = onRoom;
  }

  /** Whether more waits for the client than a well-behaved one lets wait. */
  get isFull(): boolean {
    return this.#pendingBytes + this.#used - this.#first > MOST_PENDING_BYTES;
  }

  /** Bytes handed to the socket that the client has not read. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The block being filled. Changes with every `claim`. */
  get block(): Buffer {
    return this.#block;
  }

  /** Gives where `bytes` bytes may be written in `block`; until `commit`, nobody else may claim. */
  claim(bytes: number): number {
    assert(this.#claimed === 0, "one claim at a time");
    if (this.#used + bytes > this.#block.length) {
      this.flush();
      if (this.#first > 0) this.#changeBlock();
      if (bytes > this.#block.length) this.#block = Buffer.allocUnsafeSlow(bytes);
    }
    this.#claimed = bytes;
    return this.#used;
  }

  /** The claimed bytes up to `end` are a reply; an `end` where the claim began takes it back. */
  commit(end: number): void {
    assert(end >= this.#used && end <= this.#used + this.#claimed, "within the claim");
    this.#used = end;
    this.#claimed = 0;
  }

  /**
   * Leaves the claimed bytes to the caller, who hands them in by `push` when they are filled. Other replies go on
   * behind them, so that many small ones that wait share a block.
   */
  detach(): void {
    const before = this.#block.subarray(this.#first, this.#used);
    this.#first = this.#used + this.#claimed;
    this.#used = this.#first;
    this.#claimed = 0;
    if (before.length > 0) this.push(before);
  }

  /** Sends bytes of the caller's, behind everything before; they must not change afterwards. */
  push(bytes: Buffer): void {
    if (bytes.length <= MOST_COPIED_BYTES) {
      const at = this.claim(bytes.length);
      this.commit(at + bytes.copy(this.#block, at));
      return;
    }
    this.flush();
    this.#send(bytes);
  }

  /** Hands everything written so far to the socket. */
  flush(): void {
    const first = this.#first;
    if (this.#used === first) return;
    const block = this.#block;
    const filled = block.subarray(first, this.#used);
    this.#used = first;
    if (this.#pendingBytes > 0 && filled.length <= MOST_COPIED_BYTES) {
      this.#send(Buffer.from(filled));
      return;
    }
    if (first > 0) {
      // Callers keep the block: it is used to its end, and not again.
      this.#first += filled.length;
      this.#used = this.#first;
      this.#send(filled);
      return;
    }
    this.#changeBlock();
    this.#send(filled, block);
  }

  #changeBlock(): void {
    this.#block = this.#freeBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#first = 0;
    this.#used = 0;
  }

  /** `block`: may be used again when it is written. */
  #send(bytes: Buffer, block?: Buffer): void {
    if (this.#isClosed) return;
    this.#pendingBytes += bytes.length;
    this.#socket.write(bytes, () => {
      this.#pendingBytes -= bytes.length;
      const isKept = block?.length === BLOCK_BYTES && this.#freeBlocks.length < MOST_FREE_BLOCKS;
      if (isKept) this.#freeBlocks.push(block);
      this.#onRoom();
    });
  }

  /** Sends what is left, then says that nothing follows. */
  end(): void {
    this.flush();
    if (!this.#isClosed) this.#socket.end();
    this.#isClosed = true;
  }

  /** Sends nothing more: the connection is gone. */
  close(): void {
    this.#isClosed = true;
    this.#used = this.#first;
  }
}
