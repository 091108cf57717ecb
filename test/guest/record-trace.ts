/**
 * Records the swap of a small guest under memory pressure, for fixtures:
 *
 *     npx tsx test/guest/record-trace.ts TRACE
 *
 * Three times over, a Python program looks up records of a table that its control group has too little memory for, and
 * gives its swap back. It takes about a minute and makes some 4 MiB; TRACE must not exist yet. The pages are that
 * program's and init's, which run with an empty environment and no network. Look through them before TRACE is committed
 * all the same: write out the contents, and `strings` them.
 */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fetchKernel } from "./kernel.ts";
import { runSession } from "./session.ts";
import { whyNoGuest } from "./tools.ts";
import { records } from "./workloads.ts";

const workload = records(144, 8000);
const ROUNDS = 3;

const [path, ...rest] = process.argv.slice(2);
const reason = whyNoGuest();
if (path === undefined || rest.length > 0) throw new Error("usage: record-trace.ts TRACE");
if (reason !== "") throw new Error(reason);

const { report, samples } = await runSession({
  kernel: fetchKernel(),
  client: "qemu",
  workloads: Array.from({ length: ROUNDS }, () => workload),
  // A page a read: with its neighbours the same pages would make an eighth of the requests.
  before: ["echo 0 >/proc/sys/vm/page-cluster", "confine 12M"],
  record: resolve(path),
});
const expected = workload.expected();
if (report.results.some(({ printed }) => printed !== expected)) {
  throw new Error("the guest computed something else than this machine");
}
const { requests } = samples.at(-1)!.exports[0]!;
console.log(`${report.pswpout} pages out, ${report.pswpin} in, ${statSync(path).size} bytes`);
console.log(JSON.stringify(requests));
