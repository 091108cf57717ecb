/**
 * The part of zstd-codec 0.1.5 that codecs/zstd uses; the package has no types of its own. This is the binding its
 * public `ZstdCodec.run` builds on; what is named here is what that wrapper itself calls.
 */
declare module "zstd-codec/lib/module.js" {
  /** A C++ vector of bytes in the module's memory. */
  export interface VectorU8 {
    /** Sets the size in bytes; bytes that are new get `fill`. */
    resize(bytes: number, fill: number): void;
  }

  /** Each answers with a byte count, or with a negative number where it failed. */
  export interface ZstdCodec {
    compressBound(sourceBytes: number): number;
    compress(target: VectorU8, source: VectorU8, level: number): number;
    decompress(target: VectorU8, source: VectorU8): number;
  }

  export interface ZstdBinding {
    readonly ZstdCodec: new () => ZstdCodec;
    readonly VectorU8: new () => VectorU8;
    /** The vector's bytes in place; valid until the vector outgrows what it reserved. */
    toTypedArrayView(vector: VectorU8): Uint8Array;
  }

  /** Calls back, later, with the binding. It has a method `then`: resolving a promise with it never ends. */
  export function run(callback: (binding: ZstdBinding) => void): void;
}
