/** What merging saves and could save, against sets of strings over all pages. */

import { expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { ZERO_CONTENT } from "../../src/simulator/contents.ts";
import { OpportunityOracle } from "../../src/simulator/opportunities.ts";
import { testSeed } from "../support/seed.ts";
import { smallMachine } from "./memory/small-machine.ts";

it("OpportunityOracle.count says what counting page by page says, whatever was merged", async () => {
  const random = new SeededRandom(testSeed("opportunities"));
  const host = await smallMachine({
    guestPages: [700, 700, 700],
    domains: [0, 1, 0],
    frames: 2100,
    swap: { area: "shared", slots: 500 },
  });
  const oracle = new OpportunityOracle(host);
  for (let round = 0; round < 20; round++) {
    for (let act = 0; act < 500; act++) {
      const page = random.below(host.pages);
      // More contents in a later round, so that the set has to grow and to shrink.
      if (random.below(5) > 0) host.write(page, random.below(round % 2 === 0 ? 3000 : 30));
      else host.discard(page);
    }
    const frameOfContent = new Map<string, number>();
    const frames = new Set<number>();
    let present = 0;
    let zeros = 0;
    for (let page = 0; page < host.pages; page++) {
      const frame = host.frameOf[page]!;
      if (frame < 0) continue;
      const content = host.contentOf[frame]!;
      const key = `${host.domainOf(page)} ${content}`;
      const known = frameOfContent.get(key);
      if (known === undefined) frameOfContent.set(key, frame);
      else if (known !== frame && random.below(2) === 0) host.merge(page, known);
      present += 1;
      if (content === ZERO_CONTENT) zeros += 1;
      if (!host.isZeroFrame(host.frameOf[page]!)) frames.add(host.frameOf[page]!);
    }
    expect(oracle.count()).toEqual({
      pagesPresent: present,
      zeroPages: zeros,
      pagesSaved: present - frames.size,
      opportunities:
        present -
        [...frameOfContent.keys()].filter((key) => !key.endsWith(` ${ZERO_CONTENT}`)).length,
    });
    const victim = host.frameOf[random.below(host.pages)]!;
    if (victim >= 0) host.swap.evict(victim);
  }
});
