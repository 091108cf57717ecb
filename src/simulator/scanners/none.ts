/** No scanner: what a host does that merges nothing. */

import { z } from "zod";
import { emptyTally, type ScannerKind } from "./scanner.ts";

export const none: ScannerKind<Record<string, never>> = {
  kind: "none",
  summary: "nothing is merged",
  parameters: z.strictObject({}),
  create: () => ({
    tally: emptyTally(),
    wake: () => Number.POSITIVE_INFINITY,
    figures: () => ({}),
  }),
};
