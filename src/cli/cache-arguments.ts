/** What `serve` reads of a cache from its command line. Each refusal exits with 2. */

import { resolve } from "node:path";
import type { Command } from "commander";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import { type CacheMode, type CacheOptions, LEAST_MEMORY_BYTES } from "../cache/options.ts";
import type { StoreOptions } from "../device/options.ts";

/** What commander makes of the options; those of the command that a cache's depend on are the last ones. */
export interface CacheArguments {
  readonly cacheOf?: string;
  readonly cacheMode?: CacheMode;
  readonly size?: number;
  readonly export?: readonly unknown[];
  readonly memoryLimit?: number;
  readonly readOnly?: boolean;
  readonly record?: string;
}

const MODES: readonly CacheMode[] = ["write-back", "write-through"];

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

function parseMode(text: string): CacheMode {
  const mode = MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw invalid(
    `--cache-mode cannot be "${printable(text)}"; the modes are ${MODES.join(" and ")}`,
  );
}

function parsePath(text: string): string {
  if (text !== "") return resolve(text);
  throw invalid('--cache-of cannot be "": give the path of a file or block device');
}

export function addCacheOptions(command: Command): Command {
  return command
    .option(
      "--cache-of <path>",
      "serve this file or block device through a compressed cache in memory; it keeps what is written",
      parsePath,
    )
    .option(
      "--cache-mode <mode>",
      "write-back (the default): a write is done when it is cached, durable on the disk when flushed; write-through: done when the disk has it",
      parseMode,
    );
}

/**
 * The cache the command line asks for, undefined if it asks for none.
 * @throws PagefoldError INVALID_ARGUMENT.
 */
export function cacheOptionsOf(
  parsed: CacheArguments,
): Omit<CacheOptions, keyof StoreOptions> | undefined {
  const { cacheOf: origin, cacheMode: mode, size } = parsed;
  if (origin === undefined) {
    if (mode === undefined) return undefined;
    throw invalid(`--cache-mode ${mode} without --cache-of: name the file or device to cache, too`);
  }
  const shown = printable(origin);
  if (parsed.export !== undefined)
    throw invalid(`--cache-of "${shown}" is all a server serves; leave --export out`);
  if (parsed.record !== undefined)
    throw invalid(
      `--record cannot record a cache, since a trace begins with an empty disk; leave it or --cache-of "${shown}" out`,
    );
  if (parsed.readOnly && mode === "write-back")
    throw invalid(
      "--cache-mode write-back writes to the disk, and --read-only forbids it; leave one of the two out",
    );
  const { memoryLimit } = parsed;
  if (memoryLimit !== undefined && memoryLimit < LEAST_MEMORY_BYTES)
    throw invalid(
      `--memory-limit of ${memoryLimit} bytes is too little for a cache; give at least ${formatSize(LEAST_MEMORY_BYTES)}, or leave it out for 256 MiB`,
    );
  return {
    origin,
    ...(mode === undefined ? {} : { mode }),
    ...(size === undefined ? {} : { sizeBytes: size }),
  };
}
