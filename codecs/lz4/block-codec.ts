/** An LZ4 encoder of ours, and the decoder, in a WebAssembly memory of their own; what `lz4` and `lz4-fast` share. */

import { compileWasm, instantiateWasm, type WasmMemory } from "../../src/base/wasm.ts";
import type { Codec } from "../codec.ts";

/** What assembly/module.ts exports; the caller says where in the memory things lie. */
export interface Lz4Module {
  readonly memory: WasmMemory;
  encode(source: number, length: number, target: number): number;
  decode(source: number, sourceLength: number, target: number, targetLength: number): number;
  freeStart(): number;
}

/** The longest input: offsets and table entries have 16 bits. */
const MOST_SOURCE_BYTES = 65_536;
/** An incompressible input grows by a byte in 255, and the encoder writes up to 31 bytes ahead. */
const MOST_BLOCK_BYTES = MOST_SOURCE_BYTES + Math.ceil(MOST_SOURCE_BYTES / 255) + 64;

export function instantiateLz4(base64: string): Lz4Module {
  return instantiateWasm(compileWasm<Lz4Module>(base64));
}

interface Workspace {
  readonly core: Lz4Module;
  /** The whole memory, and where in it plain bytes and a block lie. */
  readonly bytes: Uint8Array;
  readonly plain: number;
  readonly block: number;
}

function openWorkspace(base64: string): Workspace {
  const core = instantiateLz4(base64);
  const plain = (core.freeStart() + 63) & ~63;
  const block = plain + MOST_SOURCE_BYTES + 64;
  const missing = Math.ceil((block + MOST_BLOCK_BYTES - core.memory.buffer.byteLength) / 65_536);
  if (missing > 0) core.memory.grow(missing);
  // The memory does not grow again, so this view stays.
  return { core, bytes: new Uint8Array(core.memory.buffer), plain, block };
}

/**
 * A codec of blocks up to 64 KiB on either side; longer ones are refused as not fitting. Its memory is made at first
 * use: a store, whose engine runs the codec itself, never needs it.
 */
export function createLz4Codec(name: string, base64: string): Codec {
  let opened: Workspace | undefined;
  return {
    name,
    compress(source, target) {
      if (source.length === 0 || source.length > MOST_SOURCE_BYTES) return 0;
      opened ??= openWorkspace(base64);
      const { core, bytes, plain, block } = opened;
      bytes.set(source, plain);
      const length = core.encode(plain, source.length, block);
      if (length > target.length) return 0;
      target.set(bytes.subarray(block, block + length));
      return length;
    },
    decompress(source, target) {
      if (source.length > MOST_BLOCK_BYTES || target.length > MOST_SOURCE_BYTES) return -1;
      opened ??= openWorkspace(base64);
      const { core, bytes, plain, block } = opened;
      bytes.set(source, block);
      if (core.decode(block, source.length, plain, target.length) !== target.length) return -1;
      target.set(bytes.subarray(plain, plain + target.length));
      return target.length;
    },
  };
}
