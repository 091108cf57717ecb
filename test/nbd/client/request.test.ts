/** How a read keeps account of what has come, against one byte of account for every byte. */

import { expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { Request } from "../../../src/nbd/client/request.ts";
import { testSeed } from "../../support/seed.ts";

const READ = 0;
const OFFSET = 1000;
const LENGTH = 40;

/** Whether it says that these bytes are not to come, or not again. */
function isRefused(request: Request, offset: number, length: number): boolean {
  try {
    request.cover(offset, length);
    return false;
  } catch {
    return true;
  }
}

it("Request.cover refuses exactly what lies outside or has come before", () => {
  const random = new SeededRandom(testSeed("chunks"));
  let whole = 0;
  for (let round = 0; round < 1000; round++) {
    const request = new Request({ command: READ, offset: OFFSET, length: LENGTH });
    const hasCome = new Uint8Array(LENGTH);
    for (;;) {
      const at = random.below(LENGTH + 2) - 1;
      const length = random.below(random.below(8) === 0 ? LENGTH + 2 : 8);
      const isInside = length > 0 && at >= 0 && at + length <= LENGTH;
      const isNew = isInside && !hasCome.subarray(at, at + length).includes(1);
      // What is refused ends the connection, so nothing comes after it; mostly something new is drawn instead.
      if (!isNew && random.below(500) > 0 && hasCome.includes(0)) continue;
      expect(isRefused(request, OFFSET + at, length)).toBe(!isNew);
      if (!isNew) break;
      hasCome.fill(1, at, at + length);
    }
    if (!hasCome.includes(0)) whole += 1;
  }
  expect(whole).toBeGreaterThan(100);
});
