/**
 * What Linux tells about a process's memory under /proc: its mappings and, for each page of them, what backs it. Reads
 * only; copies no contents (capture.ts does). Page numbers are addresses / 4096, which stay whole numbers in a double
 * where addresses themselves would not.
 */

import { readFileSync } from "node:fs";

/** One line of /proc/PID/maps. */
export interface Mapping {
  readonly firstPage: number;
  /** The page after the last. */
  readonly endPage: number;
  /** Changes stay the process's own (copy on write); only such a mapping can hold anonymous pages. */
  readonly isPrivate: boolean;
  /** A file path, a name in brackets such as `[heap]`, or "". */
  readonly name: string;
}

/** What backs a page, from its /proc/PID/pagemap entry. */
type Backing = "none" | "anonymous" | "file" | "guard";

/** One pagemap entry, decoded. */
export interface PageState {
  readonly backing: Backing;
  readonly isSwapped: boolean;
  /** In memory and not mapped by exactly one process: shared after a fork, or the kernel's one page of zeros. */
  readonly isShared: boolean;
}

export const PAGEMAP_ENTRY_BYTES = 8;

// Bits of the upper half of an entry (Documentation/admin-guide/mm/pagemap.rst), less 32.
const EXCLUSIVE = 1 << 24;
const GUARD = 1 << 26;
const FILE = 1 << 29;
const SWAPPED = 1 << 30;
const PRESENT = 1 << 31;

const MAPS_LINE = /^([0-9a-f]+)000-([0-9a-f]+)000 (....) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$/;

/** The mappings in a text of /proc/PID/maps, ascending. */
export function parseMaps(text: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of text.split("\n")) {
    const [, first, end, flags, name] = MAPS_LINE.exec(line) ?? [];
    if (!first || !end) continue;
    mappings.push({
      firstPage: Number.parseInt(first, 16),
      endPage: Number.parseInt(end, 16),
      isPrivate: flags?.[3] === "p",
      name: name ?? "",
    });
  }
  return mappings;
}

/** Decodes the entry at `index` of what was read from /proc/PID/pagemap. */
export function pageState(entries: Uint32Array, index: number): PageState {
  const bits = entries[2 * index + 1]!;
  const isPresent = (bits & PRESENT) !== 0;
  const isSwapped = (bits & SWAPPED) !== 0;
  const isShared = isPresent && (bits & EXCLUSIVE) === 0;
  if ((bits & GUARD) !== 0) return { backing: "guard", isSwapped: false, isShared: false };
  if (!isPresent && !isSwapped) return { backing: "none", isSwapped, isShared };
  return { backing: (bits & FILE) !== 0 ? "file" : "anonymous", isSwapped, isShared };
}

/** The number of the frame the entry at `index` names, or 0: only root is told. */
export function pageFrame(entries: Uint32Array, index: number): number {
  return (entries[2 * index + 1]! & 0x7f_ffff) * 2 ** 32 + entries[2 * index]!;
}

/** Pages the kernel puts into every process for its own ends; not the program's memory. */
export function isKernelMapping(name: string): boolean {
  return /^\[(vvar.*|vdso|vsyscall|uprobes|vectors|sigpage)\]$/.test(name);
}

/** Whether pages that are not there would come from a file. */
export function isFileMapping(name: string): boolean {
  return name.startsWith("/") || name.startsWith("anon_inode:");
}

/** A mapping of a device: present pages in it look anonymous to pagemap, and reading them could act on the device. */
export function isDeviceMapping({ isPrivate, name }: Mapping): boolean {
  return !isPrivate || (name.startsWith("/dev/") && !/^\/dev\/(zero|shm\/)/.test(name));
}

/** The system's page size in bytes, from the auxiliary vector (type 6, AT_PAGESZ) of this process. */
export function systemPageBytes(): number {
  const vector = new BigUint64Array(new Uint8Array(readFileSync("/proc/self/auxv")).buffer);
  for (let index = 0; index + 1 < vector.length; index += 2) {
    if (vector[index] === 6n) return Number(vector[index + 1]);
  }
  return 4096;
}
