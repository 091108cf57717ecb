/**
 * Zstandard by the npm package zstd-codec (the C library as WebAssembly): the densest codec here. An encoded page is
 * one standard frame with its content size and without checksum.
 *
 * Always holds: the decoder is given room for the page and no more, so a frame that claims more fails inside it. The
 * package's own `Simple` reserves what the frame's header claims, and aborts; it also makes and frees two vectors a
 * call, so the binding under it is used directly (measured 2026-11-21: 27 instead of 38 us to compress, 8 instead of 15
 * to decompress a page at level 3). The module's memory is 16 MiB and cannot grow: `SOURCE_BYTES_MAX` keeps every level
 * inside it.
 */

import type { VectorU8, ZstdBinding } from "zstd-codec/lib/module.js";
import { assert } from "../../src/base/assert.ts";
import type { Codec, CodecDefinition } from "../codec.ts";

/** Levels 19 and above run out of the module's memory between 512 KiB and 1 MiB; pages are far below. */
const SOURCE_BYTES_MAX = 128 * 1024;
const FRAME_MAGIC = 0xfd2fb528;
const FRAME_BYTES_MIN = 9;

/** One module and its two vectors, shared by the codecs of all levels: a call leaves nothing in them it needs later. */
interface Zstd {
  readonly codec: InstanceType<ZstdBinding["ZstdCodec"]>;
  readonly plain: Buffered;
  readonly frame: Buffered;
  readonly frameBytesMax: number;
}

interface Buffered {
  readonly vector: VectorU8;
  readonly bytes: Uint8Array;
}

// A module can only be loaded once per process and thread; `load` and `isLoaded` are about just that.
let loaded: Zstd | null = null;
let loading: Promise<void> | null = null;

async function instantiate(): Promise<void> {
  const { run } = await import("zstd-codec/lib/module.js");
  await new Promise<void>((resolve) => {
    run((binding) => {
      const codec = new binding.ZstdCodec();
      const frameBytesMax = codec.compressBound(SOURCE_BYTES_MAX);
      const plain = reserve(binding, SOURCE_BYTES_MAX);
      loaded = { codec, plain, frame: reserve(binding, frameBytesMax), frameBytesMax };
      resolve();
    });
  });
}

function reserve(binding: ZstdBinding, bytes: number): Buffered {
  const vector = new binding.VectorU8();
  vector.resize(bytes, 0);
  return { vector, bytes: binding.toTypedArrayView(vector) };
}

function createZstd(level: number): Codec {
  assert(loaded !== null, "zstd is created after it was loaded");
  const { codec, plain, frame, frameBytesMax } = loaded;
  return {
    name: `zstd:${level}`,
    compress(source, target) {
      if (source.length > SOURCE_BYTES_MAX) return 0;
      plain.vector.resize(source.length, 0);
      plain.bytes.set(source);
      // Room for the worst case, whatever `target` holds: with less, zstd gives up on results that would have fitted.
      frame.vector.resize(codec.compressBound(source.length), 0);
      const length = codec.compress(frame.vector, plain.vector, level);
      if (length <= 0 || length > target.length) return 0;
      target.set(frame.bytes.subarray(0, length));
      return length;
    },
    decompress(source, target) {
      if (source.length > frameBytesMax || target.length > SOURCE_BYTES_MAX) return -1;
      if (!startsFrame(source)) return -1;
      frame.vector.resize(source.length, 0);
      frame.bytes.set(source);
      plain.vector.resize(target.length, 0);
      if (codec.decompress(plain.vector, frame.vector) !== target.length) return -1;
      target.set(plain.bytes.subarray(0, target.length));
      return target.length;
    },
  };
}

/** Keeps the library's other readers (skippable frames, formats before 1.0) away from bytes we cannot have written. */
function startsFrame(source: Uint8Array): boolean {
  if (source.length < FRAME_BYTES_MIN) return false;
  return new DataView(source.buffer, source.byteOffset).getUint32(0, true) === FRAME_MAGIC;
}

export const definition: CodecDefinition = {
  name: "zstd",
  summary: "Zstandard by zstd-codec, as WebAssembly: the densest, for recompression of idle pages",
  levels: { min: 1, max: 22, default: 3 },
  async load() {
    loading ??= instantiate().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    await loading;
  },
  isLoaded: () => loaded !== null,
  create: createZstd,
};
