/**
 * The codec that does not compress: an encoded page is the page. It is the floor every other codec is measured against,
 * and what a store of incompressible pages uses. An encoded page is always exactly as long as the page.
 */

import type { Codec, CodecDefinition } from "../codec.ts";

const raw: Codec = {
  name: "raw",
  compress(source, target) {
    if (source.length > target.length) return 0;
    target.set(source);
    return source.length;
  },
  decompress(source, target) {
    if (source.length !== target.length) return -1;
    target.set(source);
    return target.length;
  },
};

export const definition: CodecDefinition = {
  name: "raw",
  summary: "no compression: the page as it is",
  isLoaded: () => true,
  create: () => raw,
};
