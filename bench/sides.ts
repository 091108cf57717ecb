/**
 * The sides of a race: each writes and reads all pages of a corpus, on a device that is new or full. The kernel's side
 * and ours as a device take 128 KiB requests, the page store takes page by page.
 */

import { createHash, type Hash } from "node:crypto";
import { getCodec } from "../codecs/registry.ts";
import { PAGE_BYTES } from "../src/base/units.ts";
import {
  createPageStore,
  openDevice,
  type PageStore,
  type PageStoreOptions,
} from "../src/index.ts";
import type { StampedPages } from "./corpus.ts";
import { REQUEST_BYTES, requestBuffer, type ZramDevice } from "./zram-device.ts";

export interface Side {
  readonly name: string;
  /** Whether `renew` makes a difference: something is stored. */
  readonly stores: boolean;
  /** Makes the device new and empty. */
  renew(): void | Promise<void>;
  /** Writes every page. */
  write(pages: StampedPages): void | Promise<void>;
  /** Reads every page; the last read of a race hands the bytes to `hash`. */
  read(pages: StampedPages, hash?: Hash): void | Promise<void>;
  close(): void;
}

export function zramSide(device: ZramDevice, algorithm: string, sizeBytes: number): Side {
  const request = requestBuffer();
  return {
    name: `kernel zram ${algorithm}`,
    stores: true,
    renew: () => device.setUp(algorithm, sizeBytes),
    write: (pages) => device.writeAll(pages.bytes),
    read: (pages, hash) =>
      device.readAll(pages.bytes.length, request, hash && ((part) => hash.update(part))),
    close: () => undefined,
  };
}

export function storeSide(name: string, options: PageStoreOptions): Side {
  const target = new Uint8Array(PAGE_BYTES);
  let store: PageStore = createPageStore(options);
  return {
    name,
    stores: true,
    renew() {
      store.close();
      store = createPageStore(options);
    },
    write({ pages, count }) {
      for (let index = 0; index < count; index++) store.write(index, pages[index]!);
    },
    read({ count }, hash) {
      for (let index = 0; index < count; index++) {
        store.read(index, target);
        hash?.update(target);
      }
    },
    close: () => store.close(),
  };
}

/** The same store as a block device, asked as the kernel is: requests of 128 KiB. */
export async function deviceSide(name: string, options: PageStoreOptions): Promise<Side> {
  const target = new Uint8Array(REQUEST_BYTES);
  let device = await openDevice(options);
  return {
    name,
    stores: true,
    async renew() {
      await device.close();
      device = await openDevice(options);
    },
    async write({ requests }) {
      let offset = 0;
      for (const request of requests) {
        await device.write(offset, request);
        offset += request.length;
      }
    },
    async read({ requests }, hash) {
      for (let index = 0; index < requests.length; index++) {
        await device.read(index * REQUEST_BYTES, target);
        hash?.update(target);
      }
    },
    close: () => undefined,
  };
}

/** The codec by itself, from and to JavaScript's memory. */
export function codecSide(codec: string, count: number): Side {
  const ready = getCodec(codec);
  const blocks = new Uint8Array(count * PAGE_BYTES * 1.25);
  const room = blocks.length / count;
  const lengths = new Uint32Array(count);
  const slots = Array.from({ length: count }, (_, index) =>
    blocks.subarray(index * room, (index + 1) * room),
  );
  const target = new Uint8Array(PAGE_BYTES);
  return {
    name: `codec ${codec} alone`,
    stores: false,
    renew: () => undefined,
    write({ pages }) {
      for (let index = 0; index < count; index++)
        lengths[index] = ready.compress(pages[index]!, slots[index]!);
    },
    read(_pages, hash) {
      for (let index = 0; index < count; index++) {
        ready.decompress(slots[index]!.subarray(0, lengths[index]), target);
        hash?.update(target);
      }
    },
    close: () => undefined,
  };
}

/** The floor: the page copied somewhere, and back. */
export function copySide(count: number): Side {
  const copies = new Uint8Array(count * PAGE_BYTES);
  const slots = Array.from({ length: count }, (_, index) =>
    copies.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
  );
  const target = new Uint8Array(PAGE_BYTES);
  return {
    name: "a page copied",
    stores: false,
    renew: () => undefined,
    write({ pages }) {
      for (let index = 0; index < count; index++) slots[index]!.set(pages[index]!);
    },
    read(_pages, hash) {
      for (let index = 0; index < count; index++) {
        target.set(slots[index]!);
        hash?.update(target);
      }
    },
    close: () => undefined,
  };
}

/** The hash of everything a side reads back. */
export async function readBackHash(side: Side, pages: StampedPages): Promise<string> {
  const hash = createHash("sha256");
  await side.read(pages, hash);
  return hash.digest("hex").slice(0, 16);
}
