/**
 * LZ4 with the reference library's bytes: what a kernel's zram with lz4 stores, this stores. Runs inside the engine.
 */

import type { CodecDefinition } from "../codec.ts";
import { createLz4Codec } from "./block-codec.ts";
import wasm from "./lz4.wasm.ts";

export const definition: CodecDefinition = {
  name: "lz4",
  summary: "LZ4, byte for byte as the reference library's default level; runs inside the engine",
  kernel: 1,
  isLoaded: () => true,
  create: () => createLz4Codec("lz4", wasm),
};
