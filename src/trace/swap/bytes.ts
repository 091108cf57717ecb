/**
 * Numbers as a trace has them: unsigned LEB128 ("varint"), seven bits a byte, the lowest first, at most 2^53 - 1;
 * signed ones folded to unsigned (0, -1, 1, -2 become 0, 1, 2, 3). Writing grows its buffer; reading never passes its
 * end.
 */

const MOST_VARINT_BYTES = 8;
const WORD_BYTES = 8;

/** A buffer that grows by being written to. */
export class ByteWriter {
  length = 0;
  #bytes: Buffer;

  constructor(startBytes: number) {
    this.#bytes = Buffer.allocUnsafe(startBytes);
  }

  /** What was written so far: a view that the next write may leave behind. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** Takes the first `count` bytes away. */
  drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.length);
    this.length -= count;
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.length + bytes, 2 * this.#bytes.length));
    larger.set(this.written);
    this.#bytes = larger;
  }

  varint(value: number): void {
    this.#room(MOST_VARINT_BYTES);
    let left = value;
    while (left >= 0x80) {
      this.#bytes[this.length++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#bytes[this.length++] = left;
  }

  signedVarint(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  word(value: bigint): void {
    this.#room(WORD_BYTES);
    this.length = this.#bytes.writeBigUInt64LE(value, this.length);
  }

  bytes(source: Uint8Array): void {
    this.#room(source.length);
    this.#bytes.set(source, this.length);
    this.length += source.length;
  }
}

/** Why bytes cannot be what they are said to be; whoever reads them knows what to call them. */
export class MalformedBytes extends Error {}

/** Reads a buffer from its start to its end; throws MalformedBytes where there is less than asked for. */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined) throw new MalformedBytes("a number goes past the end");
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new MalformedBytes("a number is above 2^53 - 1");
      if (byte < 0x80) return value;
      scale *= 0x80;
      if (scale > Number.MAX_SAFE_INTEGER) throw new MalformedBytes("a number has over 8 bytes");
    }
  }

  signedVarint(): number {
    const folded = this.varint();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  word(): bigint {
    return this.bytes(WORD_BYTES).readBigUInt64LE(0);
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Buffer {
    if (count > this.left) throw new MalformedBytes(`${count} bytes go past the end`);
    const view = this.#bytes.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    return view;
  }
}
