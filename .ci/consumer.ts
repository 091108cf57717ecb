/**
 * What a user of the library writes, for .ci/run: compiled strictly against the installed package (no DOM, no
 * @types/node, declarations checked too), then run with plain node.
 */

import {
  type Cache,
  type CacheStats,
  codecNames,
  createPageStore,
  type Device,
  type DeviceStats,
  FaultyMedium,
  loadCodec,
  MemoryMedium,
  NandModel,
  type Origin,
  type OverflowStats,
  openCache,
  openDevice,
  openStore,
  openTmem,
  PagefoldError,
  SeededRandom,
} from "pagefold";

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

const page = new Uint8Array(4096).map((_, index) => index >> 6);
const target = new Uint8Array(4096);

const pages = createPageStore({ sizeBytes: 2 ** 20, codec: "lz4" });
pages.write(3, page);
pages.write(4, page);
pages.read(4, target);
check(
  target.every((byte, index) => byte === page[index]),
  "a page reads back as written",
);
const stats: DeviceStats = pages.stats();
check(stats.orig_data_size === 8192 && stats.dup_pages === 1, "two equal pages are stored once");
pages.close();

for (const codec of codecNames()) {
  await loadCodec(codec);
  const device: Device = await openDevice({ sizeBytes: 2 ** 20, codec });
  await device.write(100, page);
  await device.read(100, target);
  check(
    target.every((byte, index) => byte === page[index]),
    `${codec}: bytes read back as written`,
  );
  await device.close();
}

const store = await openStore({ codec: "lz4", recompress: ["zstd"], memoryLimitBytes: 2 ** 24 });
const first = store.openExport({ name: "guest-a", sizeBytes: 2 ** 20, domain: "lab" });
try {
  await first.write(2 ** 20, page);
  check(false, "a write past the end is refused");
} catch (error) {
  check(error instanceof PagefoldError && error.errno === "EINVAL", "the refusal has its errno");
}
await store.close();

const tmem = await openTmem({ codec: "lz4" });
const pool = tmem.addClient({ name: "guest-a" }).openPool({ kind: "ephemeral" });
check(pool.put(7, 3, page) && pool.get(7, 3, target), "an ephemeral pool gives a page back");
check(!pool.get(7, 3, target), "and only once");
tmem.close();

const bytes = new Uint8Array(10_000);
const origin: Origin = {
  name: "bytes",
  isReadOnly: false,
  sizeBytes: async () => bytes.length,
  read: async (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  write: async (offset, from) => bytes.set(from, offset),
  sync: async () => {},
  close: async () => {},
};
const cache: Cache = await openCache({ origin, memoryLimitBytes: 2 ** 20 });
await cache.write(5000, page);
await cache.read(5000, target);
check(bytes[9000] === 0, "a cache in write-back mode writes later");
await cache.flush();
check(bytes[9000] === page[4000], "and has written what it was told to flush");
const cached: CacheStats = cache.stats();
check(cached.dirty_bytes === 0 && cached.hit_pages === cached.read_pages, "it says so");
await cache.close();

const nand = new NandModel({ sizeBytes: 2 ** 20, blockBytes: 2 ** 16 });
check(nand.blocks === 16, "a model of NAND has the blocks it was asked for");
const medium = new FaultyMedium(new MemoryMedium({ sizeBytes: 2 ** 20 }), {
  random: new SeededRandom(1),
});
const spilling = await openStore({
  memoryLimitBytes: 2 ** 16,
  overflow: { medium, segmentBytes: 2 ** 16 },
});
const large = spilling.openExport({ sizeBytes: 2 ** 20 });
for (let index = 0; index < 64; index++) {
  await large.write(
    index * 4096,
    page.map((byte, at) => (at * 7 + index * at * at) ^ byte),
  );
}
const { written } = await spilling.writeBack({ pages: [{ first: 0, last: 63 }] });
const log: OverflowStats | null = spilling.overflowStats();
check(written >= 0 && log !== null && log.bd_data_size > 0, "pages leave memory for a medium");
await large.read(0, target);
check(
  target.every((byte, at) => byte === (((at * 7) ^ page[at]!) & 255)),
  "a page reads back from the medium as written",
);
await spilling.close();
