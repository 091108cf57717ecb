/** The conformance suite for every codec of the registry, each at its default level. */

import { codecNames } from "../../codecs/registry.ts";
import { describeCodec } from "../conformance/codec.ts";

/** Slower codecs try fewer of the 12,000 fixture pages, so that the run stays within seconds. */
const PAGE_STRIDES: Readonly<Record<string, number>> = { deflate: 8, zstd: 3 };

for (const spec of codecNames()) {
  describeCodec({ spec, pageStride: PAGE_STRIDES[spec] ?? 1 });
}
