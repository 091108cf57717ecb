/** An object in memory, decoded, and as the densest of the store's codecs gives it. */

import type { Codec } from "../../../codecs/codec.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Engine } from "../../engine/engine.ts";

/** Decodes an object in memory to `engine.decoded`: whether it could be. */
export function decodeObject(engine: Engine, codecs: readonly Codec[], id: number): boolean {
  if (engine.inspect(id) === 0) return true;
  const codec = codecs[engine.priorityOf(id)]!;
  return codec.decompress(engine.bytesOf(id), engine.decoded) === PAGE_BYTES;
}

/**
 * Compresses an object to `engine.scratch` by the last of the codecs: the bytes, 0 if it is of that codec already, or
 * they would not be fewer.
 */
export function encodeDenser(engine: Engine, codecs: readonly Codec[], id: number): number {
  const last = codecs.length - 1;
  if (engine.priorityOf(id) === last || !decodeObject(engine, codecs, id)) return 0;
  const bytes = codecs[last]!.compress(engine.decoded, engine.scratch);
  return bytes < engine.lengthOf(id) ? bytes : 0;
}
