/**
 * What a client sends, taken apart: heads of requests, payloads whole or in pieces, however the bytes arrive. It gives
 * views of what was fed where a part is there as a whole, and puts parts together in memory of its own where not.
 */

import { REQUEST_BYTES } from "../protocol.ts";
import type { Request } from "./request.ts";

export class RequestInput {
  /** Longest piece of a payload, in bytes. */
  readonly #mostPiece: number;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #isKept = false;
  readonly #head = Buffer.allocUnsafe(REQUEST_BYTES);
  #headFill = 0;
  #skipBytes = 0;
  #piece: Buffer | undefined;
  #pieceFill = 0;

  constructor(mostPiece: number) {
    this.#mostPiece = mostPiece;
  }

  /** Takes what was sent; what is left of before comes first. */
  feed(bytes: Buffer): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    this.#at = 0;
    this.#isKept = false;
  }

  /** Whether what was fed last is still needed: some is left, or somebody keeps a view of it. */
  get isInUse(): boolean {
    return this.#isKept || this.#at < this.#bytes.length;
  }

  /** The view given last is needed for longer: it will not be written to. */
  keep(): void {
    this.#isKept = true;
    this.#piece = undefined;
  }

  /** Passes over the next bytes, which may be still to come. */
  skip(bytes: number): void {
    this.#skipBytes = bytes;
  }

  /** Passes over what is to be passed over: whether all of that is done. */
  #skipped(): boolean {
    const bytes = Math.min(this.#bytes.length - this.#at, this.#skipBytes);
    this.#skipBytes -= bytes;
    this.#at += bytes;
    return this.#skipBytes === 0;
  }

  /** Takes the next request's head: undefined if it is not here yet, false if it is none. */
  takeHead(request: Request): boolean | undefined {
    if (this.#skipBytes > 0 && !this.#skipped()) return undefined;
    const isWhole = this.#headFill === 0 && this.#bytes.length - this.#at >= REQUEST_BYTES;
    if (isWhole) {
      this.#at += REQUEST_BYTES;
      return request.parse(this.#bytes, this.#at - REQUEST_BYTES);
    }
    const taken = this.#bytes.copy(this.#head, this.#headFill, this.#at);
    this.#at += taken;
    this.#headFill += taken;
    if (this.#headFill < REQUEST_BYTES) return undefined;
    this.#headFill = 0;
    return request.parse(this.#head, 0);
  }

  /** The next bytes, if all of them are here. */
  takeWhole(bytes: number): Buffer | undefined {
    if (this.#bytes.length - this.#at < bytes) return undefined;
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }

  /** The next bytes of a payload, once they are here; asked for the same number until then. */
  takePiece(bytes: number): Buffer | undefined {
    const whole = this.#pieceFill === 0 ? this.takeWhole(bytes) : undefined;
    if (whole !== undefined) return whole;
    this.#piece ??= Buffer.allocUnsafeSlow(this.#mostPiece);
    const end = Math.min(this.#bytes.length, this.#at + bytes - this.#pieceFill);
    this.#pieceFill += this.#bytes.copy(this.#piece, this.#pieceFill, this.#at, end);
    this.#at = end;
    if (this.#pieceFill < bytes) return undefined;
    this.#pieceFill = 0;
    return this.#piece.subarray(0, bytes);
  }
}
