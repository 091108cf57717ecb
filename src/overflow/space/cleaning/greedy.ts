/** Greedy: the segment with the fewest live bytes, the oldest of equal ones. The least copying now. */

import type { CleaningPolicy } from "./cleaning-policy.ts";

export const greedy: CleaningPolicy = {
  name: "greedy",
  choose({ candidates, count, live, sequence }) {
    let best = candidates[0]!;
    let least = live[best]!;
    for (let index = 1; index < count; index++) {
      const segment = candidates[index]!;
      const bytes = live[segment]!;
      if (bytes < least || (bytes === least && sequence[segment]! < sequence[best]!)) {
        best = segment;
        least = bytes;
      }
    }
    return best;
  },
};
