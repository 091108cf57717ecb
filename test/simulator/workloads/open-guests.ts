/** A small host with real swap and guests on it, for tests of workloads. */

import { ManualClock } from "../../../src/base/clock.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { Contents } from "../../../src/simulator/contents.ts";
import { Guest } from "../../../src/simulator/guest/guest.ts";
import { joinTmem } from "../../../src/simulator/guest/tmem-client.ts";
import { type Machine, openMachine } from "../../../src/simulator/machine.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { MadePages } from "../../../src/simulator/page-sources/made.ts";
import { RandomStreams } from "../../../src/simulator/random.ts";
import type { Workload, WorkloadKind } from "../../../src/simulator/workloads/workload.ts";

/** More than the tmem of any test takes, tables and all. */
const TMEM_FRAMES = 2000;

export interface GuestsOptions {
  readonly seed: number;
  readonly guests: readonly {
    readonly pages: number;
    readonly domain?: number;
    readonly image?: string;
    readonly zeroOnFree?: boolean;
    /** Of its own, on its disk. */
    readonly swapSlots?: number;
  }[];
  /** Memory the host gives by tmem; none unless given. */
  readonly tmemBytes?: number;
  /** All pages fit, without, and there is no swap. */
  readonly frames?: number;
  readonly swapSlots?: number;
  readonly hasFixedTimeWrites?: boolean;
}

export interface OpenGuests extends Machine {
  readonly contents: Contents;
  readonly guests: readonly Guest[];
  /** The workload on that guest; `parameters` as a scenario would give them. */
  start<P>(kind: WorkloadKind<P>, index: number, parameters: object): Promise<Workload>;
}

export async function openGuests(options: GuestsOptions): Promise<OpenGuests> {
  const streams = new RandomStreams(options.seed);
  const contents = new Contents(new MadePages({ compressibility: 3 }));
  const pages = options.guests.reduce((sum, guest) => sum + guest.pages, 0);
  const machine = await openMachine(
    {
      frames: options.frames ?? pages + (options.tmemBytes === undefined ? 0 : TMEM_FRAMES),
      cores: 1,
      hasFixedTimeWrites: options.hasFixedTimeWrites ?? false,
      guests: options.guests.map(({ pages, domain }, index) => ({
        name: `guest-${index}`,
        domain: domain ?? 0,
        pages,
      })),
      swap: {
        area: options.swapSlots === undefined ? "none" : "shared",
        slots: options.swapSlots ?? 0,
        codec: "lz4",
        isInMemory: false,
        keepsSharing: true,
      },
      compressedSlots: 0,
      tmem:
        options.tmemBytes === undefined ? null : { memoryBytes: options.tmemBytes, codec: "lz4" },
    },
    { contents, random: new SeededRandom(options.seed), clock: new ManualClock() },
  );
  const { host, tmem } = machine;
  const guests = host.guests.map(({ name }, index) => {
    const { image, zeroOnFree, swapSlots } = options.guests[index]!;
    const uses = { host, contents, guest: index, hasPageCache: true, hasSwap: true };
    return new Guest({
      host,
      contents,
      index,
      name,
      image: image ?? "image",
      zeroOnFree: zeroOnFree ?? false,
      swapSlots: swapSlots ?? 0,
      ...(tmem === null ? {} : { tmem: joinTmem(tmem, uses) }),
    });
  });
  return {
    ...machine,
    contents,
    guests,
    start: async (kind, index, parameters) =>
      kind.create({
        guest: guests[index]!,
        contents,
        order: index,
        random: streams.stream(`guest-${index}`),
        streams,
        parameters: kind.parameters.parse(parameters),
      }),
  };
}

/** The plainest scanner: looks at every page there is and merges it with the first equal one of its domain. */
export function mergeAll(host: Host): void {
  const firstWith = new Map<string, number>();
  for (let page = 0; page < host.pages; page++) {
    const frame = host.frameOf[page]!;
    if (frame < 0) continue;
    const key = `${host.domainOf(page)} ${host.contentOf[frame]}`;
    const other = firstWith.get(key);
    if (other === undefined) firstWith.set(key, page);
    else if (host.frameOf[other] !== frame) host.merge(page, host.frameOf[other]!);
  }
}
