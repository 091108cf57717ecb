/**
 * What a codec is. One folder per codec under codecs/, its `index.ts` exporting one `CodecDefinition`; registry.ts
 * lists them; test/conformance/codec.ts is what each has to pass. docs/codecs.md shows how to add one.
 *
 * A codec never throws on data: it answers with a length or with a negative number. It never reads outside `source` nor
 * writes outside `target`, whatever the bytes are.
 */

/** A codec ready to work on single pages. Stateless between calls; not shared between threads. */
export interface Codec {
  /** The name with its level where it has one, as given to `--codec`: `lz4`, `zstd:3`. */
  readonly name: string;
  /** Compresses `source` into the start of `target`: the bytes written, or 0 if they do not fit. */
  compress(source: Uint8Array, target: Uint8Array): number;
  /** Decodes `source`, which must give exactly `target.length` bytes: those bytes' count, or -1 if it does not. */
  decompress(source: Uint8Array, target: Uint8Array): number;
}

/** The range of a codec's levels, whole numbers, both ends included. */
export interface LevelRange {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** A codec as the registry knows it, before it is loaded and given a level. */
export interface CodecDefinition {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** Absent where the codec has no levels. */
  readonly levels?: LevelRange;
  /**
   * The number under which the engine's own WebAssembly core runs this codec (no bytes pass through JavaScript), see
   * src/engine/assembly/kernel.ts. Absent for codecs that run in JavaScript.
   */
  readonly kernel?: number;
  /** Present where the codec must be loaded asynchronously before `create`; may be called again. */
  load?(): Promise<void>;
  /** Whether `create` may be called; always true without `load`. */
  isLoaded(): boolean;
  /** Makes the codec; `level` is within `levels` (its default where the user gave none). */
  create(level: number): Codec;
}
