/**
 * Cost-benefit (Rosenblum and Ousterhout, LFS, 1992): the most age x (1 - u) / (1 + u), age being what was written
 * since the segment was closed and u its live share: cold segments are worth cleaning earlier, since what they win
 * stays won.
 */

import type { CleaningPolicy } from "./cleaning-policy.ts";

export const costBenefit: CleaningPolicy = {
  name: "cost-benefit",
  choose({ candidates, count, live, closedAt, clock, segmentBytes }) {
    let best = candidates[0]!;
    let most = -1;
    for (let index = 0; index < count; index++) {
      const segment = candidates[index]!;
      const bytes = live[segment]!;
      const worth =
        ((clock - closedAt[segment]!) * (segmentBytes - bytes)) / (segmentBytes + bytes);
      if (worth > most) {
        best = segment;
        most = worth;
      }
    }
    return best;
  },
};
