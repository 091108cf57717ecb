/**
 * Tells the system which ranges of an open file are needed no more: a hole is punched through util-linux's fallocate,
 * a block device is told through its blkdiscard.
 *
 * A child process takes some milliseconds, so ranges are collected for a while and joined with their neighbours, and
 * one child runs at a time. Holds always: a range that is written again is not trimmed; a write to the one being
 * trimmed waits for its end. A tool that is missing or fails is told of once, and not called again.
 */

import { runTool } from "./run-tool.ts";

/** Segments that are written again within this time are never trimmed. */
const COLLECT_MS = 1000;
/** One child is given no more, since writes to its range wait for it. */
const MOST_BYTES = 2 ** 28;

interface Range {
  readonly start: number;
  readonly end: number;
}

export interface TrimmerOptions {
  /** The open file. */
  readonly fd: number;
  /** For messages. */
  readonly name: string;
  readonly isBlockDevice: boolean;
  readonly log: (line: string) => void;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  /** Sorted, apart from each other. */
  #waiting: Range[] = [];
  #running: Range | null = null;
  #child: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isEnded = false;

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  /** The range is needed no more; it will be trimmed some time later. */
  add(offset: number, length: number): void {
    if (this.#isEnded || length === 0) return;
    let start = offset;
    let end = offset + length;
    const apart: Range[] = [];
    for (const range of this.#waiting) {
      if (range.end < start || range.start > end) {
        apart.push(range);
      } else {
        start = Math.min(start, range.start);
        end = Math.max(end, range.end);
      }
    }
    apart.push({ start, end });
    this.#waiting = apart.sort((left, right) => left.start - right.start);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.trim();
    }, COLLECT_MS).unref();
  }

  /** Before the range is written: null, or a promise to wait for. */
  beforeWrite(offset: number, length: number): Promise<void> | null {
    const end = offset + length;
    if (this.#waiting.length > 0) this.#forget(offset, end);
    const running = this.#running;
    return running !== null && running.start < end && offset < running.end ? this.#child : null;
  }

  #forget(start: number, end: number): void {
    if (!this.#waiting.some((range) => range.start < end && start < range.end)) return;
    this.#waiting = this.#waiting.flatMap((range) => {
      if (range.start >= end || start >= range.end) return [range];
      const left = { start: range.start, end: start };
      const right = { start: end, end: range.end };
      return [left, right].filter((part) => part.start < part.end);
    });
  }

  /** Trims what was collected; done when nothing waits and no child runs. */
  async trim(): Promise<void> {
    for (;;) {
      if (this.#child === null && !this.#start()) return;
      await this.#child;
    }
  }

  /** Starts a child on the first range: whether there was one. */
  #start(): boolean {
    const range = this.#waiting.shift();
    if (range === undefined) return false;
    const end = Math.min(range.end, range.start + MOST_BYTES);
    if (end < range.end) this.#waiting.unshift({ start: end, end: range.end });
    this.#running = { start: range.start, end };
    this.#child = this.#run(this.#running).finally(() => {
      this.#running = null;
      this.#child = null;
    });
    return true;
  }

  async #run({ start, end }: Range): Promise<void> {
    const { fd, name, isBlockDevice, log } = this.#options;
    const place = ["--offset", String(start), "--length", String(end - start)];
    // Our own exclusive open would keep blkdiscard out, so it is told to do without one.
    const [tool, flag] = isBlockDevice
      ? (["blkdiscard", "--force"] as const)
      : (["fallocate", "--punch-hole"] as const);
    const failure = await runTool(tool, { args: [flag, ...place], fd });
    if (failure === null || this.#isEnded) return;
    this.#isEnded = true;
    this.#waiting = [];
    log(`freed segments of ${name} are not given back to the system: ${failure}`);
  }

  /** Trims no more; done when the child that runs has ended. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#waiting = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#child;
  }
}
