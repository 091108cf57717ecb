/** The table of contents against a map, under guests that write without a word. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { ContentTable, NO_FRAME } from "../../../src/simulator/scanners/content-table.ts";
import { testSeed } from "../../support/seed.ts";
import { smallMachine } from "../memory/small-machine.ts";

const PAGES = 40;

describe("ContentTable", () => {
  it("finds what was added and is held still, and nothing else, over a random run", async () => {
    const random = new SeededRandom(testSeed("content table"));
    const host = await smallMachine({
      guestPages: [PAGES / 2, PAGES / 2],
      domains: [0, 1],
      frames: PAGES,
    });
    const table = new ContentTable(host);
    const model = new Map<string, number>();
    const forget = (frame: number) => {
      for (const [key, listed] of model) if (listed === frame) model.delete(key);
    };
    let found = 0;
    for (let step = 0; step < 20_000; step++) {
      const page = random.below(PAGES);
      // Many contents with the same low bits, and few of them.
      const content = 1 + 64 * random.below(60);
      const domain = host.domainOf(page);
      const key = `${domain} ${content}`;
      const command = random.below(8);
      if (command <= 1) {
        host.write(page, content);
      } else if (command === 2) {
        host.discard(page);
      } else if (command <= 5) {
        const listed = model.get(key);
        const isHeld = host.frameOf
          .subarray(domain * (PAGES / 2), (domain + 1) * (PAGES / 2))
          .some((frame) => frame === listed && frame >= 0 && host.contentOf[frame] === content);
        expect(table.find(domain, content)).toBe(isHeld ? listed : NO_FRAME);
        if (isHeld) found += 1;
        else model.delete(key);
      } else {
        const frame = host.frameOf[page]!;
        if (frame < 0) continue;
        const own = host.contentOf[frame]!;
        if (table.find(domain, own) !== NO_FRAME) continue;
        forget(frame);
        model.delete(`${domain} ${own}`);
        table.add(frame, domain, own);
        model.set(`${domain} ${own}`, frame);
        expect(table.isListed(frame, domain, own)).toBe(true);
        expect(table.isListed(frame, 1 - domain, own)).toBe(false);
      }
    }
    expect(found).toBeGreaterThan(0);
    expect(table.outdated).toBeGreaterThan(0);
  });
});
