/** Makes an engine of a store's options; what the system does not give is said in a sentence. */

import { PagefoldError } from "../base/errors.ts";
import { Engine, type EngineOptions } from "./engine.ts";

/** @throws PagefoldError NO_MEMORY */
export function openEngine({ dedup, kernels, random, hashMask }: EngineOptions): Engine {
  try {
    return new Engine({ dedup, kernels, random, ...(hashMask === undefined ? {} : { hashMask }) });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PagefoldError(
      "NO_MEMORY",
      "the system gave no memory for a store (it reserves 8 GiB of addresses, of which little is used); close other stores or raise the limit on virtual memory (ulimit -v)",
      { cause },
    );
  }
}
