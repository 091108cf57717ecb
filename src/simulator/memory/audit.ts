/**
 * Every invariant of a host, looked at from the outside: what pages, frames, swap areas and the stores under them say
 * of each other. For tests and for runs that check themselves; it visits everything there is.
 */

import { ZERO_CONTENT } from "../contents.ts";
import { NO_TAG } from "./frames.ts";
import type { Host } from "./host.ts";
import { ABSENT, SWAPPED } from "./mappings.ts";
import type { SwapArea, SwapBudget } from "./swap-area.ts";

const NONE = -1;

/** What pages can map: frames, or the bodies of an area. */
interface Holders {
  readonly mappingsOf: Int32Array;
  readonly firstPageOf: Int32Array;
}

/** The invariants that do not hold, in words; empty where all do. */
export function auditHost(host: Host): string[] {
  const audit = new Audit(host);
  audit.frames();
  audit.pages();
  audit.areas();
  return audit.broken;
}

class Audit {
  readonly broken: string[] = [];
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  #expect(holds: boolean, otherwise: () => string): void {
    if (!holds) this.broken.push(otherwise());
  }

  /** Free or mapped, never both; reclaim's list holds those mapped; clean copies are copies. */
  frames(): void {
    const { frames } = this.#host;
    const listed = new Uint8Array(frames.count);
    const unused = new Uint8Array(frames.count);
    let listedCount = 0;
    for (const frame of frames.listed()) {
      this.#expect(listed[frame] === 0, () => `frame ${frame} is listed twice`);
      listed[frame] = 1;
      listedCount += 1;
      if (listedCount > frames.count) break;
    }
    for (const frame of frames.unused()) {
      this.#expect(unused[frame] === 0, () => `frame ${frame} is free twice`);
      unused[frame] = 1;
    }
    const used = frames.used;
    this.#expect(listedCount === used, () => `${listedCount} frames listed, ${used} in use`);
    for (let frame = 0; frame < frames.count; frame++) {
      const mappings = frames.mappingsOf[frame]!;
      if (frames.isZeroFrame(frame)) {
        this.#expect(
          listed[frame] === 0 && unused[frame] === 0,
          () => `zero frame ${frame} is listed or free`,
        );
        this.#expect(
          frames.contentOf[frame] === ZERO_CONTENT && frames.isMerged(frame),
          () => `zero frame ${frame} has content ${frames.contentOf[frame]}, or can be written`,
        );
      } else {
        this.#expect(
          listed[frame] !== unused[frame],
          () => `frame ${frame} is listed ${listed[frame]} times and free ${unused[frame]} times`,
        );
        this.#expect(
          listed[frame] === (mappings > 0 ? 1 : 0),
          () => `frame ${frame} has ${mappings} mappings and is listed ${listed[frame]} times`,
        );
        this.#expect(
          mappings > 0 || frames.tagOf[frame] === NO_TAG,
          () => `free frame ${frame} has tag ${frames.tagOf[frame]}`,
        );
        this.#expect(
          mappings < 2 || frames.isMerged(frame),
          () => `frame ${frame} is shared and can be written`,
        );
      }
      this.#cleanCopy(frame, mappings);
    }
  }

  #cleanCopy(frame: number, mappings: number): void {
    const { frames, swap } = this.#host;
    const body = frames.cleanBodyOf[frame]!;
    if (body === NONE) return;
    const area = swap.areas[frames.cleanAreaOf[frame]!]!;
    this.#expect(
      mappings > 0 && area.cleanFrameOf[body] === frame,
      () => `frame ${frame} has clean copy ${body}, which is of frame ${area.cleanFrameOf[body]}`,
    );
    this.#expect(
      area.contentOf[body] === frames.contentOf[frame],
      () => `frame ${frame} holds ${frames.contentOf[frame]}, its copy ${area.contentOf[body]}`,
    );
  }

  /** What pages map agrees with what is mapped, and is of their domain. */
  pages(): void {
    const { frames, frameOf, swap } = this.#host;
    const ofFrame = new Int32Array(frames.count);
    const ofBody = swap.areas.map((area) => new Int32Array(area.contentOf.length));
    for (let page = 0; page < this.#host.pages; page++) {
      const frame = frameOf[page]!;
      if (frame === ABSENT) continue;
      if (frame > SWAPPED) {
        this.#expect(frame < frames.count, () => `page ${page} maps frame ${frame}`);
        ofFrame[frame]! += 1;
      } else {
        const area = swap.areaWith(page);
        const body = swap.bodyOf(page, swap.areas[area]!);
        ofBody[area]![body]! += 1;
        this.#expect(this.#mayLieIn(page, area), () => `page ${page} lies in area ${area}`);
      }
    }
    this.#holders("frame", frames, ofFrame, (frame) => frame);
    swap.areas.forEach((area, index) => {
      const nameOf = (body: number) => SWAPPED - area.firstBody - body;
      this.#holders(`area ${index}'s body`, area, ofBody[index]!, nameOf);
    });
  }

  #mayLieIn(page: number, area: number): boolean {
    const { swap, compressed } = this.#host;
    return (
      area === swap.areaFor(page) || swap.areas[area] === compressed[this.#host.domainOf(page)]
    );
  }

  /** `counted`: how many pages say that they map each; `nameOf`: what frameOf says of such a page. */
  #holders(
    what: string,
    holders: Holders,
    counted: Int32Array,
    nameOf: (holder: number) => number,
  ): void {
    const { mappings, frameOf } = this.#host;
    for (let holder = 0; holder < counted.length; holder++) {
      const said = holders.mappingsOf[holder]!;
      const first = holders.firstPageOf[holder]!;
      this.#expect(
        said === counted[holder],
        () => `${what} ${holder} says it has ${said} mappings, pages say ${counted[holder]}`,
      );
      this.#expect(
        (first === NONE) === (said === 0),
        () => `${what} ${holder} has ${said} mappings, the first is page ${first}`,
      );
      if (first === NONE) continue;
      let page = first;
      let length = 0;
      do {
        this.#expect(
          frameOf[page] === nameOf(holder),
          () => `page ${page} is in the ring of ${what} ${holder} and maps ${frameOf[page]}`,
        );
        this.#domain(what, holder, page, first);
        page = mappings.nextOf(page);
        length += 1;
      } while (page !== first && length <= said);
      this.#expect(
        length === said,
        () => `the ring of ${what} ${holder} has ${length} pages or more, not ${said}`,
      );
    }
  }

  #domain(what: string, holder: number, page: number, first: number): void {
    const host = this.#host;
    const isZero = what === "frame" && host.isZeroFrame(holder);
    const domain = isZero ? holder : host.domainOf(first);
    this.#expect(
      host.domainOf(page) === domain,
      () => `page ${page} of domain ${host.domainOf(page)} is on ${what} ${holder}, of ${domain}`,
    );
  }

  /** A body is mapped, a frame's clean copy, or free; the store has what is not free, and nothing else. */
  areas(): void {
    const { swap } = this.#host;
    const usedOf = new Map<SwapBudget, number>();
    swap.areas.forEach((area, index) => {
      const used = this.#area(area, index);
      usedOf.set(area.budget, (usedOf.get(area.budget) ?? 0) + used);
    });
    for (const [budget, used] of usedOf) {
      this.#expect(
        used === budget.slots - budget.left,
        () => `${used} bodies are in use, of ${budget.slots} slots ${budget.left} are left`,
      );
    }
  }

  /** How many bodies are in use. */
  #area(area: SwapArea, index: number): number {
    const { frames } = this.#host;
    const bodies = area.contentOf.length;
    const unused = new Uint8Array(bodies);
    for (const body of area.unused()) {
      this.#expect(unused[body] === 0, () => `area ${index}'s body ${body} is free twice`);
      unused[body] = 1;
    }
    let used = 0;
    let copies = 0;
    for (let body = 0; body < bodies; body++) {
      const mappings = area.mappingsOf[body]!;
      const copy = area.cleanFrameOf[body]!;
      const isFree = unused[body] === 1;
      const states = (isFree ? 1 : 0) + (mappings > 0 ? 1 : 0) + (copy === NONE ? 0 : 1);
      if (!isFree) used += 1;
      if (copy !== NONE) copies += 1;
      this.#expect(
        states === 1,
        () => `area ${index}'s body ${body}: free ${isFree}, mapped ${mappings}, copy of ${copy}`,
      );
      this.#expect(
        copy === NONE || (frames.cleanBodyOf[copy] === body && frames.cleanAreaOf[copy] === index),
        () => `area ${index}'s body ${body} is a copy of frame ${copy}, which has another`,
      );
      this.#expect(
        area.isStored(body) === !isFree,
        () => `area ${index}'s body ${body}: free ${isFree}, stored ${area.isStored(body)}`,
      );
    }
    this.#expect(
      copies === area.copies,
      () => `area ${index} has ${copies} clean copies, and says ${area.copies}`,
    );
    return used;
  }
}
