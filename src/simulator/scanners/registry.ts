/** Every scanner a scenario can name. Adding one is its file, an import and a line here. */

import { atAllocation } from "./at-allocation.ts";
import { daemon } from "./daemon.ts";
import { deviceHinted } from "./device-hinted.ts";
import { hinted } from "./hinted.ts";
import { idleHash } from "./idle-hash.ts";
import { linear } from "./linear.ts";
import { none } from "./none.ts";
import { random } from "./random.ts";
import type { ScannerKind } from "./scanner.ts";

/** In the order lists show them. */
export const scannerKinds: readonly ScannerKind<unknown>[] = [
  none,
  linear,
  hinted,
  deviceHinted,
  random,
  idleHash,
  daemon,
  atAllocation,
];
