/** One guest from its start to its end: a server, a kernel whose swap is the server's disk, programs that need it. */

import { join } from "node:path";
import type { ServerStatus } from "../../src/report/result.ts";
import { boot, nbdDisk, type Report, USER_NETWORK } from "./boot.ts";
import { cleanUp, makeScratch } from "./cleanup.ts";
import type { KernelFolder } from "./kernel.ts";
import { startServer } from "./server.ts";
import { pathOf } from "./tools.ts";
import type { Workload } from "./workloads.ts";

/** Who speaks NBD: QEMU for a virtio disk, over a socket; or the guest's own kernel, over TCP and two connections. */
export type NbdClient = "qemu" | "kernel";

export interface SessionOptions {
  readonly kernel: KernelFolder;
  readonly client: NbdClient;
  readonly workloads: readonly Workload[];
  /** Further calls of init.sh's functions, between switching swap on and the workloads. */
  readonly before?: readonly string[];
  /** A file to record a trace to. */
  readonly record?: string;
  /** Most memory the server may take for pages; the rest lies on an overflow log in its scratch folder. */
  readonly memoryLimit?: string;
}

export interface Session {
  readonly report: Report;
  /** The server's statistics, second by second; the last ones from after the guest's end. */
  readonly samples: readonly ServerStatus[];
}

const SIZE = "1G";

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function callOf({ script, interpreter, options, size, rounds }: Workload): string {
  const program = interpreter === "node" ? process.execPath : pathOf("python3");
  return ["run", script, program, ...options, `${size}`, `${rounds}`].map(quote).join(" ");
}

function planOf({ client, workloads, before = [] }: SessionOptions, port: number): string[] {
  const isKernel = client === "kernel";
  const nbdClient = isKernel ? quote(pathOf("nbd-client")) : "";
  return [
    ...(isKernel ? [`connect ${port} ${nbdClient}`] : []),
    `swap_on ${isKernel ? "/dev/nbd0" : "/dev/vda"}`,
    ...before,
    ...workloads.map(callOf),
    "count_swapped",
    "swap_off",
    ...(isKernel ? [`disconnect ${nbdClient}`] : []),
  ];
}

/** One at a time: it leaves no process and no temporary file of this one. */
export async function runSession(options: SessionOptions): Promise<Session> {
  const { kernel, client, record, memoryLimit } = options;
  const isKernel = client === "kernel";
  try {
    const scratch = makeScratch();
    const listen = isKernel ? "port" : "socket";
    const recording = record === undefined ? {} : { record };
    const overflow = ["--overflow", join(scratch, "overflow.log"), "--overflow-size", SIZE];
    const further = memoryLimit === undefined ? [] : ["--memory-limit", memoryLimit, ...overflow];
    const server = await startServer({ scratch, size: SIZE, listen, further, ...recording });
    const devices = isKernel ? USER_NETWORK : nbdDisk(server.socket);
    const report = await boot({ kernel, plan: planOf(options, server.port), scratch, devices });
    return { report, samples: await server.stop() };
  } finally {
    cleanUp();
  }
}
