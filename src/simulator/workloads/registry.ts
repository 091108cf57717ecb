/** Every workload a scenario's guests can have. Adding one is its file, an import and a line here. */

import { bootStorm } from "./boot-storm.ts";
import { fill } from "./fill.ts";
import { hostile } from "./hostile.ts";
import { idleDesktop } from "./idle-desktop.ts";
import { kernelBuild } from "./kernel-build.ts";
import { memoryHog } from "./memory-hog.ts";
import { traceReplay } from "./trace-replay.ts";
import { webServer } from "./web-server.ts";
import type { WorkloadKind } from "./workload.ts";

/** In the order lists show them. */
export const workloadKinds: readonly WorkloadKind<unknown>[] = [
  kernelBuild,
  idleDesktop,
  webServer,
  bootStorm,
  memoryHog,
  traceReplay,
  hostile,
  fill,
];
