/**
 * Random writes, reads, releases, recodings and compactions while objects leave memory and come back, against a model
 * in plain JavaScript: every count, every state and what is told of the log after each step.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { AWAY, NO_ROOM, SIZE_CLASSES } from "../../src/engine/engine.ts";
import { AwayModel, lengthsOf, pageOf } from "../support/away-model.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { EngineLog } from "../support/engine-log.ts";
import { differenceOf, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { roomFor } from "../support/size-classes.ts";
import { SizedCodec } from "../support/sized-codec.ts";

const STEPS = 8000;
const SLOTS = 140;
const DIFFERENT_PAGES = 80;
const DOMAINS = 2;

interface RunOptions {
  readonly dedup: boolean;
  /** Whether the pool is now and then limited to about what it has. */
  readonly isLimited: boolean;
}

class Run {
  readonly #random: SeededRandom;
  readonly #driver: EngineDriver;
  readonly #log: EngineLog;
  readonly #model = new AwayModel();
  /** The object each slot holds, 0 for none. */
  readonly #slots = new Uint32Array(SLOTS);
  readonly #options: RunOptions;
  #limit = 0;
  #reserved = 0;
  /** Steps that came to something, by name. */
  readonly done: Record<string, number> = {};

  constructor(options: RunOptions, seed: number) {
    this.#options = options;
    this.#random = new SeededRandom(seed);
    const codecs = [new SizedCodec(0), new SizedCodec(1)];
    this.#driver = new EngineDriver({ dedup: options.dedup, codecs, domains: DOMAINS });
    this.#log = new EngineLog(this.#driver.engine);
  }

  #count(name: string): void {
    this.done[name] = (this.done[name] ?? 0) + 1;
  }

  /** Does one thing at random and compares everything. */
  step(): void {
    const at = this.#random.below(SLOTS);
    this.#model.dropped = 0;
    this.#act(at, this.#slots[at]!);
    this.#compare();
  }

  #act(at: number, id: number): void {
    const { engine } = this.#driver;
    const kind = this.#random.below(100);
    if (kind < 24) this.#write(at, id);
    else if (kind < 25) this.#writeWord(at, id);
    else if (kind < 28) engine.compactClass(this.#random.below(SIZE_CLASSES));
    else if (kind < 31) this.#setLimit();
    else if (kind < 33) this.#reserve(at, id);
    else if (id === 0) return;
    else if (kind < 36) this.#release(at, id);
    else if (kind < 39) this.#redirect(at, id);
    else if (kind < 51) this.#leave(id);
    else if (kind < 72) this.#place(id);
    else if (kind < 92) this.#admit(id);
    else if (kind < 94) this.#forgetCopy(id);
    else if (kind < 99) this.#recode(id);
    else this.#exhaust(id);
  }

  #write(at: number, old: number): void {
    const { engine } = this.#driver;
    const model = this.#model;
    const number = this.#random.below(DIFFERENT_PAGES);
    const domain = at % DOMAINS;
    const inMemory = this.#options.dedup ? model.alike(number, domain, false) : [];
    const away = this.#options.dedup ? model.alike(number, domain, true) : [];
    const result = this.#driver.put(pageOf(number), { domain, old });
    const candidate = engine.takeAwayCandidate();
    if (inMemory.length > 0) {
      assert(inMemory.includes(result), `page ${number} is in ${inMemory}, not ${result}`);
      model.of(result).references += 1;
      if (old !== 0) model.release(old);
      this.#count("shared");
    } else if (result === NO_ROOM) {
      assert(this.#limit > 0, "no room without a limit");
      this.#count("refused");
      expect(candidate).toBe(0);
      return;
    } else if (result === old) {
      const { references, state } = model.of(old);
      assert(this.#limit > 0 && references === 1 && state !== "away", "no place to take");
      model.overwrite(old, number, domain);
      this.#count("took over");
    } else {
      assert(!model.objects.has(result), `object ${result} is another's`);
      model.store(result, number, domain);
      if (old !== 0) model.release(old);
    }
    this.#slots[at] = result;
    this.#checkCandidate(candidate, inMemory.length > 0 ? [] : away);
  }

  /** `away`: the objects away with the contents of the page just stored as an object of its own. */
  #checkCandidate(candidate: number, away: readonly number[]): void {
    const left = away.filter((id) => this.#model.objects.has(id));
    if (candidate !== 0) {
      assert(left.includes(candidate), `told of ${candidate}, away are ${left}`);
      this.#count("candidate");
    } else {
      // The one it met first may be the one the write ended.
      assert(left.length === 0 || left.length < away.length, `not told of ${left}`);
    }
  }

  #writeWord(at: number, old: number): void {
    this.#driver.put(samePage(at), { old });
    if (old !== 0) this.#model.release(old);
    this.#slots[at] = 0;
  }

  #setLimit(): void {
    const { engine } = this.#driver;
    if (!this.#options.isLimited) return;
    const pages = engine.usedPages() + this.#random.below(3);
    this.#limit = this.#limit > 0 ? 0 : pages * PAGE_BYTES;
    engine.setLimit(this.#limit);
  }

  /** Reserves a page in place of the slot's object, or gives all reserved ones back. */
  #reserve(at: number, id: number): void {
    const { engine } = this.#driver;
    if (this.#reserved > 3) {
      engine.unreserve(this.#reserved);
      this.#reserved = 0;
    } else if (engine.reservePage(id)) {
      this.#reserved += 1;
      if (id !== 0) this.#model.release(id);
      this.#slots[at] = 0;
    }
  }

  #release(at: number, id: number): void {
    this.#driver.engine.release(id);
    this.#model.release(id);
    this.#slots[at] = 0;
  }

  /** The slot is given another one's object, as when two were found equal. */
  #redirect(at: number, id: number): void {
    const { engine } = this.#driver;
    const other = this.#slots[this.#random.below(SLOTS)]!;
    if (other === 0 || this.#model.of(other).domain !== at % DOMAINS) return;
    engine.share(other);
    this.#model.of(other).references += 1;
    engine.release(id);
    this.#model.release(id);
    this.#slots[at] = other;
  }

  #leave(id: number): void {
    const object = this.#model.of(id);
    const [, second] = lengthsOf(object.number);
    const record = { bytes: pageOf(object.number).subarray(0, second), priority: 1 };
    const isOther = this.#random.below(3) === 0 && second < PAGE_BYTES;
    const mayLeave = object.state === "plain" || object.state === "leaving";
    expect(this.#log.leave(id, isOther ? record : undefined)).toBe(mayLeave);
    if (mayLeave) object.state = "leaving";
  }

  /** Places the last record of the id, of whatever became of the object since. */
  #place(id: number): void {
    const record = this.#log.records.get(id);
    if (record === undefined) return;
    const object = this.#model.of(id);
    const { length } = record.bytes;
    const isOwn = length === object.length && record.priority === object.priority;
    const mayGo = object.state === "leaving" || (object.state === "copied" && isOwn);
    expect(this.#log.place(id)).toBe(mayGo);
    if (!mayGo) return;
    this.#count(object.state === "copied" ? "evicted clean" : "evicted");
    object.state = "away";
    object.length = length;
    object.priority = record.priority;
  }

  #admit(id: number): void {
    const record = this.#log.records.get(id);
    if (record === undefined) return;
    const object = this.#model.of(id);
    const isDone = this.#log.admit(id);
    if (isDone) {
      assert(object.state === "away", `admitted an object that was ${object.state}`);
      object.state = "copied";
      object.room = roomFor(object.length);
      this.#count("admitted");
    } else {
      assert(object.state !== "away" || this.#limit > 0, "not admitted, and there is no limit");
      if (object.state === "away") this.#count("admission refused");
    }
  }

  #forgetCopy(id: number): void {
    const object = this.#model.of(id);
    this.#driver.engine.forgetCopy(id);
    if (object.state === "copied") object.state = "plain";
  }

  #recode(id: number): void {
    const { engine } = this.#driver;
    const { number } = this.#model.of(id);
    const [, second] = lengthsOf(number);
    const mayShrink = this.#model.shrinks(id);
    engine.scratch.set(pageOf(number).subarray(0, Math.min(second, engine.scratch.length)));
    const isDone = engine.recode(id, second, 1);
    if (isDone) {
      assert(mayShrink, "recoded to no smaller class, or away");
      this.#model.recode(id);
      this.#count("recoded");
    } else {
      assert(!mayShrink || this.#limit > 0, "not recoded, and there is no limit");
    }
  }

  #exhaust(id: number): void {
    const object = this.#model.of(id);
    this.#driver.engine.exhaust(id);
    if (object.state !== "away") object.isExhausted = true;
  }

  #compare(): void {
    const { engine } = this.#driver;
    if (this.#model.dropped !== 0) this.#count("dropped");
    expect([engine.takeDropped(), engine.takeDropped()]).toEqual([this.#model.dropped, 0]);
    const stats = engine.stats();
    expect(stats).toMatchObject(this.#model.counts());
    expect(stats.mem_used_total + stats.reserved_bytes).toBe(engine.usedPages() * PAGE_BYTES);
    assert(stats.mem_used_total >= stats.compr_data_size, "objects lie in the pool");
    this.#look(this.#slots[this.#random.below(SLOTS)]!);
  }

  /** Compares one object. */
  #look(id: number): void {
    if (id === 0) return;
    const { engine } = this.#driver;
    const object = this.#model.of(id);
    const found = {
      length: engine.lengthOf(id),
      priority: engine.priorityOf(id),
      references: engine.referencesOf(id),
      isExhausted: engine.isExhausted(id),
      isAway: engine.isAway(id),
      isCopied: engine.isCopied(id),
      isLeaving: engine.isLeaving(id),
    };
    const { number, state, domain: _, room: __, ...expected } = object;
    expect(found).toEqual({
      ...expected,
      isAway: state === "away",
      isCopied: state === "copied",
      isLeaving: state === "leaving",
    });
    if (state === "away") {
      expect([engine.read(id, 0), engine.inspect(id)]).toEqual([AWAY, AWAY]);
      return;
    }
    const page = this.#driver.get(id);
    const difference = page ? differenceOf(page, pageOf(number)) : "does not decode";
    if (difference) assert.fail(`object ${id}: ${difference}`);
  }

  /** Brings everything back to memory and compares it, then drops it all. */
  end(): void {
    const { engine } = this.#driver;
    engine.setLimit(0);
    for (const [id, object] of this.#model.objects) {
      if (object.state === "away") expect(this.#log.admit(id)).toBe(true);
      if (object.state === "away") object.state = "copied";
      this.#look(id);
    }
    for (const id of this.#slots) if (id !== 0) engine.release(id);
    expect(engine.stats()).toMatchObject({
      ...new AwayModel().counts(),
      huge_pages_since: expect.any(Number),
    });
    expect(engine.stats().mem_used_total).toBe(0);
  }
}

const RUNS: readonly (RunOptions & { readonly name: string })[] = [
  { name: "with dedup", dedup: true, isLimited: false },
  { name: "with dedup, at the limit now and then", dedup: true, isLimited: true },
  { name: "without dedup, at the limit now and then", dedup: false, isLimited: true },
];

describe.each(RUNS)("Engine $name", (options) => {
  it("counts, keeps and tells exactly what the model does", () => {
    const run = new Run(options, testSeed(`objects away, ${options.name}`));
    for (let step = 0; step < STEPS; step++) {
      try {
        run.step();
      } catch (cause) {
        throw new Error(`step ${step}: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        });
      }
    }
    console.log(JSON.stringify(run.done));
    const always = ["evicted", "evicted clean", "admitted", "recoded", "dropped"];
    const atLimit = ["refused", "took over"];
    const wanted = [...always, ...(options.isLimited ? atLimit : [])];
    for (const name of wanted) expect(run.done[name], name).toBeGreaterThan(3);
    run.end();
  });
});
