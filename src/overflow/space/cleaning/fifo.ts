/**
 * Round robin: the segment taken longest ago. Where every segment has something to win, all are erased equally often;
 * write amplification as Menon and Robinson, Desnoyers (LRW) and Xiang and Kurkoski give it.
 */

import type { CleaningPolicy } from "./cleaning-policy.ts";

export const fifo: CleaningPolicy = {
  name: "fifo",
  choose({ candidates, count, sequence }) {
    let best = candidates[0]!;
    let least = sequence[best]!;
    for (let index = 1; index < count; index++) {
      const segment = candidates[index]!;
      if (sequence[segment]! < least) {
        best = segment;
        least = sequence[segment]!;
      }
    }
    return best;
  },
};
