/** What a run came to, as a result object. */

import type { SwapFigures, TmemFigures, VariantResult } from "../report/simulate-result.ts";
import { COSTS } from "./memory/costs.ts";
import type { Run, SimulationOptions } from "./simulation.ts";

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}

function swapFigures({ machine, samples }: Run): SwapFigures | null {
  const { areas, swapStores, host } = machine;
  if (areas.length === 0) return null;
  const { tally } = host.swap;
  const stored = swapStores.map((store) => store.stats());
  return {
    areas: areas.length,
    pages_out: tally.pagesOut,
    pages_in: tally.pagesIn,
    pages_in_shared: tally.pagesInShared,
    device_writes: sum(areas.map(({ writes }) => writes)),
    device_reads: sum(areas.map(({ reads }) => reads)),
    clean_outs: tally.cleanOuts,
    device_duplicates: sum(areas.map(({ duplicates }) => duplicates)),
    joined: tally.joined,
    orig_data_size: sum(stored.map(({ orig_data_size }) => orig_data_size)),
    compr_data_size: sum(stored.map(({ compr_data_size }) => compr_data_size)),
    mem_used_total: sum(stored.map(({ mem_used_total }) => mem_used_total)),
    metadata_size: sum(stored.map(({ metadata_size }) => metadata_size)),
    same_pages: sum(stored.map(({ same_pages }) => same_pages)),
    dup_pages: sum(stored.map(({ dup_pages }) => dup_pages)),
    objects: sum(stored.map(({ objects }) => objects)),
    mem_used_max: samples.max("swap_mem_used_total"),
  };
}

function tmemFigures({ machine }: Run): TmemFigures | null {
  const stats = machine.tmem?.stats();
  if (stats === undefined) return null;
  return {
    puts: stats.puts,
    puts_refused: stats.puts_refused,
    gets: stats.gets,
    hits: stats.hits,
    flushes: stats.flushes,
    dropped: stats.dropped,
    ephemeral_pages: stats.ephemeral_pages,
    persistent_pages: stats.persistent_pages,
    same_pages: stats.same_pages,
    dup_pages: stats.dup_pages,
    objects: stats.objects,
    orig_data_size: stats.orig_data_size,
    compr_data_size: stats.compr_data_size,
    mem_used_total: stats.mem_used_total,
    mem_used_max: stats.mem_used_max,
    metadata_size: stats.metadata_size,
  };
}

export function variantResult(run: Run, { name, settings }: SimulationOptions): VariantResult {
  const { scenario, machine, scanner, guests, samples } = run;
  const { host } = machine;
  const { tally } = scanner;
  const { cpu } = host;
  const copying = (COSTS.faultSeconds + COSTS.copySeconds) * host.tally.copies;
  return {
    name,
    settings,
    seconds: scenario.seconds,
    host: {
      frames: scenario.host.frames,
      frames_used: samples.last("frames_used"),
      frames_used_mean: samples.mean("frames_used"),
      frames_used_max: samples.max("frames_used"),
      pages_present: samples.last("pages_present"),
      zero_pages: samples.last("zero_pages"),
      store_frames: host.memoryTakenFrames,
      copies: host.tally.copies,
      copies_within_1s: host.tally.copiesWithin1s,
      copies_within_10s: host.tally.copiesWithin10s,
      guests_killed: guests.filter(({ isKilled }) => isKilled).length,
    },
    merged: {
      pages_saved: samples.last("pages_saved"),
      pages_saved_mean: samples.mean("pages_saved"),
      pages_saved_max: samples.max("pages_saved"),
      opportunities: samples.last("opportunities"),
      opportunities_mean: samples.mean("opportunities"),
      opportunities_max: samples.max("opportunities"),
      opportunities_max_share: samples.max("opportunities") / host.pages,
    },
    scanner: {
      kind: scenario.scanner.kind.kind,
      visits: tally.visits,
      merges: tally.merges,
      zero_merges: tally.zeroMerges,
      visits_per_merge: tally.merges === 0 ? null : tally.visits / tally.merges,
      hints_generated: tally.hintsGenerated,
      hints_dropped: tally.hintsDropped,
      hints_visited: tally.hintsVisited,
      hints_useful: tally.hintsUseful,
      cpu_share: cpu.scannerSeconds / scenario.seconds,
      counters: scanner.figures(),
    },
    cpu: {
      guest_seconds: cpu.guestSeconds,
      scanner_seconds: cpu.scannerSeconds,
      lost_seconds: cpu.lostSeconds,
      slowdown: cpu.guestSeconds === 0 ? 0 : (cpu.lostSeconds + copying) / cpu.guestSeconds,
    },
    swap: swapFigures(run),
    tmem: tmemFigures(run),
    guests: guests.map(({ guest, workload, checked, isKilled }) => ({
      name: guest.name,
      domain: scenario.domains[checked.domain]!,
      workload: checked.workload.kind.kind,
      pages: guest.pages,
      is_killed: isKilled,
      access_seconds: host.accessSecondsOf[guest.index]!,
      counters: { ...workload.figures?.(), ...guest.figures() },
    })),
  };
}
