/**
 * The programs a guest runs with too little memory, and the checksums they must print, computed here by other code in
 * another language than the guest's where that is possible.
 */

import { createHash } from "node:crypto";

export interface Workload {
  /** Of the script in workloads/, and of its result. */
  readonly script: string;
  readonly interpreter: "python3" | "node";
  readonly options: readonly string[];
  readonly size: number;
  readonly rounds: number;
  readonly expected: () => string;
}

/** Nothing of the user's settings, no cache written; the script comes on standard input. */
const PYTHON_OPTIONS = ["-I", "-S", "-B", "-"];
const NODE_OPTIONS = ["--max-old-space-size=512", "--input-type=module", "-"];

const BLOCK_BYTES = 65_536;

/** The order in which every workload visits what it holds. */
const STRIDE = 5;

/** Dictionaries of Python: half a KiB each, much alike. */
export function dicts(count: number, rounds: number): Workload {
  const expected = (): string => {
    const words = Uint32Array.from({ length: count }, (_, id) => Math.imul(id, 0x9e3779b1));
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < count; index++) {
        const id = (index * STRIDE) % count;
        words[id] = Math.imul(words[id]!, 69069) + id + round;
      }
    }
    const digest = createHash("sha256");
    for (const [id, word] of words.entries()) digest.update(`${id} item-${id} ${word}\n`);
    return digest.digest("hex");
  };
  const options = PYTHON_OPTIONS;
  return { script: "dicts.py", interpreter: "python3", options, size: count, rounds, expected };
}

/** A block of 64 KiB that no codec makes smaller, as Python's hashlib has it too. */
function shake(index: number): Buffer {
  const hash = createHash("shake256", { outputLength: BLOCK_BYTES });
  return hash.update(`block ${index}`).digest();
}

/** Blocks of noise. */
export function noise(blocks: number, rounds: number): Workload {
  const expected = (): string => {
    const visits = new Map(
      Array.from({ length: blocks }, (_, index) => [(index * STRIDE) % blocks, index]),
    );
    const digest = createHash("sha256");
    for (let index = 0; index < blocks; index++) {
      const block = shake(index);
      for (let round = 0; round < rounds; round++) {
        const change = (visits.get(index)! + round) & 255;
        for (let offset = round; offset < block.length; offset += 4096) block[offset]! ^= change;
      }
      digest.update(block);
    }
    return digest.digest("hex");
  };
  const options = PYTHON_OPTIONS;
  return { script: "noise.py", interpreter: "python3", options, size: blocks, rounds, expected };
}

/** Linked objects of V8's heap, moved about by its garbage collector. */
export function heap(count: number, rounds: number): Workload {
  const expected = (): string => {
    const words = Array.from({ length: count }, (_, id) => Math.imul(id, 0x9e3779b1) >>> 0);
    let id = 0;
    for (let step = 0; step < count * rounds; step++) {
      words[id] = (Math.imul(words[id]!, 69069) + id * ((step % 3) + 1)) >>> 0;
      id = (id + STRIDE) % count;
    }
    const lines = words.map((word, index) => `node-${index} ${word}\n`);
    return createHash("sha256").update(lines.join("")).digest("hex");
  };
  const options = NODE_OPTIONS;
  return { script: "heap.mjs", interpreter: "node", options, size: count, rounds, expected };
}

/** What `records.py` begins with in block `index`. */
function recordBlock(index: number): Buffer {
  if (index % 16 === 0) return shake(index);
  if (index % 16 === 1) return Buffer.alloc(BLOCK_BYTES);
  const lines = Array.from({ length: 1024 }, (_, line) => {
    const id = index * 1024 + line;
    const sum = (Math.imul(id, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
    const owner = `${id % 977}`.padEnd(14);
    return `record ${`${id}`.padEnd(10)} checksum ${sum} of the owner ${owner}\n`;
  });
  return Buffer.from(lines.join(""));
}

/** A table that is mostly read, at places of no order. */
export function records(blocks: number, lookups: number): Workload {
  const expected = (): string => {
    const table = Buffer.concat(Array.from({ length: blocks }, (_, index) => recordBlock(index)));
    const digest = createHash("sha256");
    let state = 1;
    for (let turn = 0; turn < lookups; turn++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const offset = (state % (table.length / 64)) * 64;
      digest.update(table.subarray(offset, offset + 64));
      if (turn % 32 === 0) table.write(`${turn % 10_000}`.padStart(4, "0"), offset);
    }
    return digest.digest("hex");
  };
  const options = PYTHON_OPTIONS;
  return {
    script: "records.py",
    interpreter: "python3",
    options,
    size: blocks,
    rounds: lookups,
    expected,
  };
}
