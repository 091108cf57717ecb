/** The LZ4 block format by an encoder tuned to pages: any LZ4 decoder reads it. Runs inside the engine. */

import type { CodecDefinition } from "../codec.ts";
import { createLz4Codec } from "../lz4/block-codec.ts";
import wasm from "./lz4-fast.wasm.ts";

export const definition: CodecDefinition = {
  name: "lz4-fast",
  summary: "the LZ4 format by an encoder tuned to pages; runs inside the engine",
  kernel: 2,
  isLoaded: () => true,
  create: () => createLz4Codec("lz4-fast", wasm),
};
