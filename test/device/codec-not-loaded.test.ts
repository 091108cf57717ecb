/**
 * A codec that loads asynchronously, before it was loaded; in a file of its own since loading lasts for the process.
 */

import { expect, it } from "vitest";
import { createPageStore, loadCodec, openStore } from "../../src/index.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { differenceOf } from "../support/pages.ts";
import { expectRefusal } from "../support/refusals.ts";

const notLoaded = {
  code: "CODEC_NOT_LOADED",
  errno: "EINVAL",
  says: ["zstd", 'await loadCodec("zstd")'],
};

it("createPageStore refuses a codec that is not loaded, and says how to load it", () => {
  expectRefusal(() => createPageStore({ sizeBytes: 4096, codec: "zstd" }), notLoaded);
  expectRefusal(() => createPageStore({ sizeBytes: 4096, codec: "zstd:9" }), notLoaded);
  expectRefusal(() => createPageStore({ sizeBytes: 4096, recompress: ["zstd"] }), notLoaded);
});

it("createPageStore takes the codec once it was loaded", async () => {
  await loadCodec("zstd");
  const store = createPageStore({ sizeBytes: 4096, codec: "zstd" });
  const [page] = fixturePageList("guest-a-node", 9999);
  store.write(0, page!);
  const target = new Uint8Array(4096);
  store.read(0, target);
  expect(differenceOf(target, page!)).toBeNull();
  expect(store.slotState(0)?.codec).toBe("zstd:3");
});

it("openStore loads the codecs it is given", async () => {
  const store = await openStore({ codec: "zstd:1", recompress: ["zstd:19"] });
  expect(store.stats().objects).toBe(0);
});
