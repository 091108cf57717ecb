/**
 * Servers of a cache on a real file, killed while a client writes, one after the other on the same file, each at a
 * place of its own among the requests. After each, the file is held against what the client knows, byte by byte.
 */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "../../src/base/random.ts";
import type { CacheMode } from "../../src/cache/options.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { launchServed, type Served } from "../support/served.ts";
import { CrashLedger } from "./crash-ledger.ts";

const PAGE = 4096;
const DISK_BYTES = 240 * PAGE + 1700;
const MOST_REQUESTS = 160;
const MOST_WAITING = 12;

export interface KillSetting {
  readonly mode: CacheMode;
  readonly seed: number;
  readonly kills: number;
  /** What `node` starts. */
  readonly program: string;
  readonly overflow: boolean;
}

export interface KillResult {
  /** Of each kill that left a file that may not be, what is wrong with it; of reads, too. */
  readonly wrong: readonly string[];
  readonly kills: number;
  /** Requests under way when a server was killed, and those answered before. */
  readonly cutShort: number;
  readonly answered: number;
  readonly flushes: number;
  /** Bytes that differ from what was there when the server was started. */
  readonly changedBytes: number;
}

/** Requests of one server's client, until it is killed. */
class Session {
  readonly wrong: string[] = [];
  readonly #client: NbdClient;
  readonly #ledger: CrashLedger;
  readonly #random: SeededRandom;
  readonly #all = new Set<Promise<void>>();
  answered = 0;
  flushes = 0;

  constructor(client: NbdClient, ledger: CrashLedger, random: SeededRandom) {
    this.#client = client;
    this.#ledger = ledger;
    this.#random = random;
  }

  #mind(work: Promise<void>, done: (isDone: boolean) => void): void {
    const minded = work
      .then(
        () => {
          this.answered += 1;
          done(true);
        },
        () => done(false),
      )
      .finally(() => this.#all.delete(minded));
    this.#all.add(minded);
  }

  #span(): { offset: number; length: number } {
    const random = this.#random;
    const length = 1 + random.below(random.below(4) === 0 ? 40 * PAGE : 3 * PAGE);
    const offset = random.below(random.below(2) === 0 ? DISK_BYTES : DISK_BYTES / 8);
    if (random.below(3) === 0) return { offset, length: Math.min(length, DISK_BYTES - offset) };
    const start = offset - (offset % PAGE);
    return { offset: start, length: Math.min(Math.ceil(length / PAGE) * PAGE, DISK_BYTES - start) };
  }

  #write(isForced: boolean): void {
    const { offset, length } = this.#span();
    const bytes = new Uint8Array(length);
    const isZeros = this.#random.below(8) === 0;
    if (!isZeros) this.#random.fill(bytes);
    const written = this.#ledger.begin(offset, bytes);
    const work = isZeros
      ? this.#client.writeZeroes(offset, length, { fua: isForced })
      : this.#client.write(offset, bytes, { fua: isForced });
    this.#mind(work, (isDone) => {
      this.#ledger.end(written, isDone);
      if (isForced && isDone) this.#ledger.forced(written);
    });
  }

  #flush(): void {
    const begun = this.#ledger.tick();
    this.#mind(this.#client.flush(), (isDone) => {
      if (!isDone) return;
      this.flushes += 1;
      this.#ledger.flushed(begun);
    });
  }

  #read(): void {
    const { offset, length } = this.#span();
    const found = new Uint8Array(length);
    const begun = this.#ledger.tick();
    this.#mind(this.#client.read(offset, found), (isDone) => {
      const what = isDone ? this.#ledger.wrong(offset, found, begun) : null;
      if (what !== null) this.wrong.push(`read: ${what}`);
    });
  }

  async run(requests: number): Promise<void> {
    for (let count = 0; count < requests; count++) {
      const kind = this.#random.below(20);
      if (kind < 11) this.#write(false);
      else if (kind < 13) this.#write(true);
      else if (kind < 16) this.#flush();
      else this.#read();
      const most = this.#random.below(MOST_WAITING);
      while (this.#all.size > most) await Promise.race(this.#all);
    }
  }

  get waiting(): number {
    return this.#all.size;
  }

  async settle(): Promise<void> {
    while (this.#all.size > 0) await Promise.race(this.#all);
  }
}

export class KilledServers {
  readonly path: string;
  readonly #setting: KillSetting;
  readonly #random: SeededRandom;

  constructor(folder: string, setting: KillSetting) {
    this.#setting = setting;
    this.#random = new SeededRandom(setting.seed);
    const bytes = new Uint8Array(DISK_BYTES);
    this.#random.fill(bytes);
    this.path = join(folder, "disk.img");
    writeFileSync(this.path, bytes);
  }

  /** A server of the file that is ready; whoever calls stops it. */
  async start(): Promise<Served> {
    const { mode, overflow, program } = this.#setting;
    const args = ["--cache-of", this.path, "--cache-mode", mode, "--memory-limit", "512K"];
    const log = ["--overflow", `${this.path}.overflow`, "--overflow-size", "8M"];
    const served = launchServed(overflow ? [...args, ...log] : args, {
      launch: (given, options) => spawn(process.execPath, [program, ...given], options),
    });
    try {
      await served.says(/^ready .*$/m);
      return served;
    } catch (cause) {
      await served.stop();
      throw cause;
    }
  }

  async run(): Promise<KillResult> {
    const wrong: string[] = [];
    const sum = { kills: 0, cutShort: 0, answered: 0, flushes: 0, changedBytes: 0 };
    for (; sum.kills < this.#setting.kills; sum.kills++) {
      const before = new Uint8Array(readFileSync(this.path));
      const ledger = new CrashLedger(before);
      const session = await this.#killOne(ledger);
      sum.cutShort += session.cutShort;
      sum.answered += session.answered;
      sum.flushes += session.flushes;
      const left = new Uint8Array(readFileSync(this.path));
      for (let at = 0; at < left.length; at++) if (left[at] !== before[at]) sum.changedBytes += 1;
      // The system lives on, with all that a write-through cache gave it.
      const established = this.#setting.mode === "write-through" ? ledger.tick() : undefined;
      const what = left.length === DISK_BYTES ? ledger.wrong(0, left, established) : "its size";
      const name = `kill ${sum.kills}`;
      if (what !== null) wrong.push(`${name}: ${what}`);
      wrong.push(...session.wrong.map((each) => `${name}: ${each}`));
      if (!existsSync(`${this.path}.lock`)) wrong.push(`${name}: the lock is gone`);
    }
    return { wrong, ...sum };
  }

  /** Starts a server and kills it after some requests, with others under way. */
  async #killOne(ledger: CrashLedger) {
    const served = await this.start();
    try {
      const client = await NbdClient.connect(served.uri);
      const session = new Session(client, ledger, this.#random);
      await session.run(this.#random.below(MOST_REQUESTS));
      const cutShort = session.waiting;
      for (let turns = this.#random.below(20); turns > 0; turns--)
        await new Promise((resume) => setImmediate(resume));
      await served.end("SIGKILL");
      await session.settle();
      await client.disconnect();
      const { answered, flushes, wrong } = session;
      return { cutShort, answered, flushes, wrong };
    } finally {
      await served.stop();
    }
  }
}
