/** WebAssembly as far as pagefold uses it, typed here since Node's types leave it to the browser's. */

/** A linear memory; growing it detaches the views of its buffer. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB: the size before. */
  grow(pages: number): number;
}

interface Api {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  readonly Memory: new (limits: { readonly initial: number }) => WasmMemory;
}

const api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

/** A compiled module, of which any number of instances can be made. */
export type WasmModule<Exports> = { readonly exports?: Exports };

export function compileWasm<Exports>(base64: string): WasmModule<Exports> {
  return new api.Module(Buffer.from(base64, "base64"));
}

/** A new instance with a memory of its own. */
export function instantiateWasm<Exports>(module: WasmModule<Exports>): Exports {
  return new api.Instance(module, {}).exports as Exports;
}

/** Bytes that begin at a page boundary, as direct I/O wants them. */
export function pageAlignedBytes(length: number): Uint8Array {
  const memory = new api.Memory({ initial: Math.ceil(length / 65_536) });
  return new Uint8Array(memory.buffer, 0, length);
}
