/**
 * Tmem beside the page store on the same engine: what keys, recency and taking pages away cost a put and a get, over a
 * write and a read by slot. Files of 256 pages, as a guest's page cache puts them.
 */

import type { Hash } from "node:crypto";
import { PAGE_BYTES } from "../src/base/units.ts";
import { openTmem, type PoolKind, type Tmem, type TmemPool } from "../src/index.ts";
import type { StampedPages } from "./corpus.ts";
import { type Race, runRace } from "./race.ts";
import { type Side, storeSide } from "./sides.ts";

const FILE_BITS = 8;
const INDEX_MASK = 2 ** FILE_BITS - 1;

async function tmemSide(name: string, kind: PoolKind): Promise<Side> {
  const target = new Uint8Array(PAGE_BYTES);
  let tmem: Tmem;
  let pool: TmemPool;
  const write = ({ pages, count }: StampedPages): void => {
    for (let index = 0; index < count; index++) {
      if (!pool.put(index >>> FILE_BITS, index & INDEX_MASK, pages[index]!))
        throw new Error(`${name} refused page ${index}`);
    }
  };
  const read = ({ count }: StampedPages, hash?: Hash): void => {
    for (let index = 0; index < count; index++) {
      if (!pool.get(index >>> FILE_BITS, index & INDEX_MASK, target))
        throw new Error(`${name} lost page ${index}`);
      hash?.update(target);
    }
  };
  const renew = async (): Promise<void> => {
    tmem?.close();
    tmem = await openTmem({ codec: "lz4" });
    pool = tmem.addClient({ name: "bench" }).openPool({ kind });
  };
  await renew();
  return {
    name,
    stores: true,
    renew,
    write,
    read(pages, hash) {
      // A private ephemeral pool gave its pages away with the round's read.
      if (hash !== undefined && kind === "ephemeral") write(pages);
      read(pages, hash);
    },
    close: () => tmem.close(),
  };
}

export async function runTmem(options: {
  readonly corpus: string;
  readonly pages: number;
  readonly rounds: number;
}): Promise<Race> {
  const rival = "page store";
  return runRace({ ...options, rival }, async (sizeBytes) => [
    storeSide(rival, { sizeBytes, codec: "lz4" }),
    await tmemSide("tmem, persistent pool", "persistent"),
    await tmemSide("tmem, ephemeral pool", "ephemeral"),
  ]);
}
