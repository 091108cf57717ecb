/**
 * What a user of the library writes, for .ci/run: compiled strictly against the installed package (no DOM, no
 * @types/node, declarations checked too), then run with plain node.
 */

import {
  codecNames,
  createPageStore,
  type Device,
  type DeviceStats,
  loadCodec,
  openDevice,
  openStore,
  PagefoldError,
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
