/** What a cache of ours says of itself. */

import { askServer, controlPathOf } from "../../src/nbd/control.ts";
import type { CacheStatus, ServerStatus } from "../../src/report/result.ts";
import type { Server } from "../nbd/servers.ts";

export interface CacheServerStatus extends ServerStatus {
  readonly cache: CacheStatus;
}

export async function statusOf({ socketPath }: Server): Promise<CacheServerStatus> {
  return (await askServer(controlPathOf(socketPath), { command: "stat" })) as CacheServerStatus;
}
