/** Every workload a scenario's guests can have. Adding one is its file, an import and a line here. */

import { fill } from "./fill.ts";
import { hostile } from "./hostile.ts";
import { kernelBuild } from "./kernel-build.ts";
import { traceReplay } from "./trace-replay.ts";
import type { WorkloadKind } from "./workload.ts";

/** In the order lists show them. */
export const workloadKinds: readonly WorkloadKind<unknown>[] = [
  kernelBuild,
  traceReplay,
  hostile,
  fill,
];
