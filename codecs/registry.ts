/**
 * The codecs there are, and what a codec is called on the command line and in options: `NAME` or `NAME:LEVEL`.
 *
 * Always holds: a name given back is canonical (`zstd` becomes `zstd:3`), so two equal codecs have equal names. Adding
 * a codec is its folder, one import and one line in the list here.
 */

import { MOST_NAME_BYTES, PagefoldError } from "../src/base/errors.ts";
import type { Codec, CodecDefinition } from "./codec.ts";
import { definition as deflate } from "./deflate/index.ts";
import { definition as lz4 } from "./lz4/index.ts";
import { definition as lz4Fast } from "./lz4-fast/index.ts";
import { definition as lz4Wasm } from "./lz4-wasm/index.ts";
import { definition as raw } from "./raw/index.ts";
import { definition as zstd } from "./zstd/index.ts";

/** Every codec, in the order help and reports list them. */
export const codecDefinitions: readonly CodecDefinition[] = [
  lz4,
  lz4Fast,
  lz4Wasm,
  deflate,
  zstd,
  raw,
];

/** A codec's specification, taken apart. */
export interface ParsedCodec {
  readonly definition: CodecDefinition;
  /** Within the definition's levels; 0 for a codec without levels. */
  readonly level: number;
  /** Canonical: with its level exactly if the codec has levels. */
  readonly name: string;
}

/** The names of all codecs, in the registry's order. */
export function codecNames(): string[] {
  return codecDefinitions.map((definition) => definition.name);
}

/**
 * Takes a codec's specification (`lz4`, `zstd`, `zstd:9`) apart; the level is the codec's default where none is given.
 * @throws PagefoldError NAME_TOO_LONG, UNKNOWN_CODEC, or INVALID_ARGUMENT for a level the codec does not have.
 */
export function parseCodec(spec: string): ParsedCodec {
  if (typeof spec !== "string") {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `a codec is named by a string, not by a value of type ${typeof spec}; use one of ${codecNames().join(", ")}`,
    );
  }
  const bytes = Buffer.byteLength(spec);
  if (bytes > MOST_NAME_BYTES) {
    throw new PagefoldError(
      "NAME_TOO_LONG",
      `a codec name of ${bytes} bytes is longer than the limit of ${MOST_NAME_BYTES}; use one of ${codecNames().join(", ")}`,
    );
  }
  const colon = spec.indexOf(":");
  const name = colon === -1 ? spec : spec.slice(0, colon);
  const definition = codecDefinitions.find((candidate) => candidate.name === name);
  if (!definition) {
    throw new PagefoldError(
      "UNKNOWN_CODEC",
      `${JSON.stringify(name)} is not a codec; use one of ${codecNames().join(", ")}`,
    );
  }
  const level = parseLevel(definition, colon === -1 ? null : spec.slice(colon + 1));
  return { definition, level, name: definition.levels ? `${name}:${level}` : name };
}

function parseLevel(definition: CodecDefinition, text: string | null): number {
  const { name, levels } = definition;
  if (text === null) return levels?.default ?? 0;
  if (!levels) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${name} has no levels, so ${JSON.stringify(text)} cannot be its level; write just "${name}"`,
    );
  }
  const level = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(level >= levels.min && level <= levels.max)) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${JSON.stringify(text)} is not a level of ${name}; write a whole number from ${levels.min} to ${levels.max}, such as "${name}:${levels.default}"`,
    );
  }
  return level;
}

/**
 * Makes sure `getCodec(spec)` will work: loads what has to be loaded asynchronously, once per process.
 * @throws PagefoldError as `parseCodec`.
 */
export async function loadCodec(spec: string): Promise<void> {
  await parseCodec(spec).definition.load?.();
}

/**
 * A codec to work with, at the level its specification says.
 * @throws PagefoldError as `parseCodec`, and CODEC_NOT_LOADED where `loadCodec` has to be awaited first.
 */
export function getCodec(spec: string): Codec {
  const { definition, level } = parseCodec(spec);
  if (!definition.isLoaded()) {
    throw new PagefoldError(
      "CODEC_NOT_LOADED",
      `${definition.name} loads asynchronously and has not been loaded; await loadCodec("${definition.name}") first`,
    );
  }
  return definition.create(level);
}
