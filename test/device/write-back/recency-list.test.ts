import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { RecencyList } from "../../../src/device/write-back/recency-list.ts";
import { testSeed } from "../../support/seed.ts";

/** The same in the plainest way: an array, the oldest first. */
class PlainList {
  #ids: number[] = [];
  readonly #touched = new Set<number>();
  secondChances = 0;

  get size(): number {
    return this.#ids.length;
  }

  remove(id: number): void {
    this.#ids = this.#ids.filter((listed) => listed !== id);
    this.#touched.delete(id);
  }

  put(id: number): void {
    this.remove(id);
    this.#ids.push(id);
  }

  putOldest(id: number): void {
    this.remove(id);
    this.#ids.unshift(id);
  }

  touch(id: number): void {
    if (this.#ids.includes(id)) this.#touched.add(id);
  }

  takeOldest(): number {
    for (;;) {
      const id = this.#ids.shift() ?? 0;
      if (!this.#touched.delete(id)) return id;
      this.#ids.push(id);
      this.secondChances += 1;
    }
  }

  clear(): void {
    this.#ids = [];
    this.#touched.clear();
  }
}

const listOf = (...ids: number[]): RecencyList => {
  const list = new RecencyList();
  for (const id of ids) list.put(id);
  return list;
};

const drain = (list: RecencyList | PlainList): number[] => {
  const taken: number[] = [];
  for (let id = list.takeOldest(); id !== 0; id = list.takeOldest()) taken.push(id);
  return taken;
};

describe("RecencyList", () => {
  it("does what a plain array does, whatever is asked of it", () => {
    const random = new SeededRandom(testSeed("RecencyList against an array"));
    for (let round = 0; round < 100; round++) {
      const list = new RecencyList();
      const plain = new PlainList();
      const ids = 1 + random.below(60);
      // Rounds of ids around and beyond what a new list has room for.
      const base = random.below(3) * 1000;
      for (let step = 0; step < 400; step++) {
        const id = base + 1 + random.below(ids);
        const chance = random.below(100);
        if (chance < 35) for (const each of [list, plain]) each.put(id);
        else if (chance < 65) for (const each of [list, plain]) each.touch(id);
        else if (chance < 75) for (const each of [list, plain]) each.remove(id);
        else if (chance < 80) for (const each of [list, plain]) each.putOldest(id);
        else if (chance < 99) expect(list.takeOldest()).toBe(plain.takeOldest());
        else for (const each of [list, plain]) each.clear();
        expect(list.size).toBe(plain.size);
      }
      expect(drain(list)).toEqual(drain(plain));
      expect(list.secondChances).toBe(plain.secondChances);
    }
  });

  it("takeOldest gives ids in the order they were put, 0 at the end", () => {
    expect(drain(listOf(7, 3, 5))).toEqual([7, 3, 5]);
  });

  it("takeOldest passes over a touched id once", () => {
    const list = listOf(1, 2, 3);
    list.touch(1);
    list.touch(1);
    expect(drain(list)).toEqual([2, 3, 1]);
    expect(list.secondChances).toBe(1);
  });

  it("takeOldest gives the oldest after one round if all of a few are touched", () => {
    const list = listOf(1, 2, 3);
    for (const id of [3, 1, 2]) list.touch(id);
    expect(list.takeOldest()).toBe(1);
    expect(list.secondChances).toBe(3);
  });

  it("takeOldest gives no more than 4096 second chances at once", () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => index + 1);
    const list = listOf(...ids);
    for (const id of ids) list.touch(id);
    expect(list.takeOldest()).toBe(4097);
    expect(list.secondChances).toBe(4096);
  });

  it("putOldest makes a touched id the next", () => {
    const list = listOf(1, 2, 3);
    list.touch(3);
    list.putOldest(3);
    expect(drain(list)).toEqual([3, 1, 2]);
  });

  it("touch of an id that is not listed counts for nothing later", () => {
    const list = listOf(1);
    for (const id of [2, 5000]) list.touch(id);
    for (const id of [2, 5000, 3]) list.put(id);
    expect(drain(list)).toEqual([1, 2, 5000, 3]);
  });

  it("remove of an id beyond its table does nothing", () => {
    const list = listOf(1);
    list.remove(2 ** 24 - 1);
    expect(list.size).toBe(1);
  });

  it("takes the largest id, and no larger one", () => {
    const list = listOf(1, 2 ** 24 - 1, 2);
    expect(() => list.put(2 ** 24)).toThrow("24 bits");
    expect(drain(list)).toEqual([1, 2 ** 24 - 1, 2]);
  });

  it("clear gives back the memory it grew to", () => {
    const list = new RecencyList();
    const { bytes } = list;
    list.put(100_000);
    expect(list.bytes).toBeGreaterThan(1_000_000);
    list.clear();
    expect(list.bytes).toBe(bytes);
  });
});
