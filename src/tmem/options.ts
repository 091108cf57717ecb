/** What tmem, a client and a pool can be asked for, and the one check of it. */

import type { Codec } from "../../codecs/codec.ts";
import { getCodec, parseCodec } from "../../codecs/registry.ts";
import {
  checkBytes,
  checkFlag,
  checkKeys,
  checkName,
  checkObject,
  checkRandom,
  invalid,
  shown,
} from "../base/checks.ts";
import { type RandomSource, secureRandom } from "../base/random.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { PoolKind } from "./statistics.ts";

const MOST_LIMIT_BYTES = 2 ** 40;
const MOST_WEIGHT = 65_536;
/** Clients at a time; so many names may a pool admit, too. */
export const MOST_CLIENTS = 1024;
/** Pools of all clients at a time. */
export const MOST_POOLS = 8192;

export interface TmemOptions {
  /** The codec of all pages, `lz4` by default; a level may follow a colon: `zstd:9`. */
  readonly codec?: string;
  /** Whether equal pages are stored once; true by default. */
  readonly dedup?: boolean;
  /** Most bytes of pool memory (mem_used_total), in whole pages; 0, the default: no limit but the 4 GiB of a store. */
  readonly memoryLimitBytes?: number;
  /** Where keys come from; the system's secure source by default. */
  readonly random?: RandomSource;
}

export interface ClientOptions {
  /** At most 127 bytes, and no other client's. */
  readonly name: string;
  /** Its share of the ephemeral pages against the others', when some must go: 1 to 65536, 1 by default. */
  readonly weight?: number;
  /** Most logical bytes its pools may hold (orig_data_size); 0, the default: no limit. */
  readonly limitBytes?: number;
  /** Pages are shared within a domain only; all clients are in one domain unless they name another. */
  readonly domain?: string;
}

export interface PoolOptions {
  /** Whether its pages may be dropped when memory runs short; those of a persistent pool never are. */
  readonly kind: PoolKind;
  /** Makes a pool that others may share: the first client to open one of that UUID owns it, the others join. */
  readonly uuid?: string;
  /** Names of the clients the owner lets join; nobody by default. Of one that joins it is not looked at. */
  readonly admits?: readonly string[];
}

export interface CheckedTmemOptions {
  readonly codecs: readonly Codec[];
  /** The number the engine runs the codec under, 0 where it runs in JavaScript. */
  readonly kernels: readonly number[];
  readonly dedup: boolean;
  readonly memoryLimitBytes: number;
  readonly random: RandomSource;
}

export function checkTmemOptions(options: TmemOptions): CheckedTmemOptions {
  checkObject(options, "tmem");
  checkKeys(options, ["codec", "dedup", "memoryLimitBytes", "random"]);
  const spec = options.codec ?? "lz4";
  return {
    codecs: [getCodec(spec)],
    kernels: [parseCodec(spec).definition.kernel ?? 0],
    dedup: checkFlag(options.dedup ?? true, "dedup"),
    memoryLimitBytes: checkMemoryLimit(options.memoryLimitBytes ?? 0),
    random: checkRandom(options.random ?? secureRandom),
  };
}

export function checkMemoryLimit(bytes: number): number {
  return checkBytes(bytes, "memoryLimitBytes", { least: 0, most: MOST_LIMIT_BYTES });
}

export interface CheckedClientOptions {
  readonly name: string;
  readonly weight: number;
  readonly limitBytes: number;
  /** Most pages, Infinity for no limit. */
  readonly pageLimit: number;
  readonly domain: string;
}

export function checkClientOptions(options: ClientOptions): CheckedClientOptions {
  checkObject(options, "a client");
  checkKeys(options, ["name", "weight", "limitBytes", "domain"]);
  const weight: unknown = options.weight ?? 1;
  if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 1 || weight > MOST_WEIGHT)
    throw invalid(
      `weight is ${shown(weight)}; it must be a whole number from 1 to ${MOST_WEIGHT}, a client's share against the others'`,
    );
  const limitBytes = checkBytes(options.limitBytes ?? 0, "limitBytes", {
    least: 0,
    most: MOST_LIMIT_BYTES,
  });
  if (limitBytes > 0 && limitBytes < PAGE_BYTES) {
    throw invalid(
      `limitBytes is ${limitBytes}; it must be 0 for none, or at least a page, ${PAGE_BYTES}`,
    );
  }
  return {
    name: checkName(options.name, "the client's name"),
    weight,
    limitBytes,
    pageLimit: limitBytes === 0 ? Number.POSITIVE_INFINITY : Math.floor(limitBytes / PAGE_BYTES),
    domain: checkName(options.domain ?? "", "the domain's name"),
  };
}

export interface CheckedPoolOptions {
  readonly kind: PoolKind;
  /** Canonical, in small letters; null of a private pool. */
  readonly uuid: string | null;
  readonly admits: ReadonlySet<string>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function checkPoolOptions(options: PoolOptions): CheckedPoolOptions {
  checkObject(options, "a pool");
  checkKeys(options, ["kind", "uuid", "admits"]);
  const { kind, uuid } = options;
  if (kind !== "ephemeral" && kind !== "persistent")
    throw invalid(`kind is ${shown(kind)}; it must be "ephemeral" or "persistent"`);
  if (uuid !== undefined && (typeof uuid !== "string" || !UUID.test(uuid))) {
    throw invalid(
      `uuid is ${shown(uuid)}; it must be 32 hexadecimal digits as in "123e4567-e89b-12d3-a456-426614174000", or left out for a private pool`,
    );
  }
  const admits: unknown = options.admits ?? [];
  if (!Array.isArray(admits) || admits.length > MOST_CLIENTS) {
    const what = Array.isArray(admits) ? `${admits.length} names` : shown(admits);
    throw invalid(`admits is ${what}; it must be a list of at most ${MOST_CLIENTS} client names`);
  }
  if (admits.length > 0 && uuid === undefined)
    throw invalid(
      `admits names ${admits.length} clients, but a pool without uuid is private; give it one`,
    );
  return {
    kind,
    uuid: uuid?.toLowerCase() ?? null,
    admits: new Set(admits.map((name) => checkName(name, "a name in admits"))),
  };
}
