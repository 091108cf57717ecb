/**
 * The process that runs simulations for sweep.ts: a task comes as a message, its progress and outcome go back. It ends
 * when its parent goes, or kills it; ^C, which a terminal sends to both, is its parent's to answer.
 */

import { PagefoldError, reasonOf } from "../base/errors.ts";
import { type ChildMessage, type ChildTask, performRun } from "./sweep.ts";

/** Progress worth a message. */
const LEAST_PROGRESS = 0.005;

const tell = (message: ChildMessage) => process.send?.(message);

async function perform(task: ChildTask): Promise<void> {
  const { index } = task;
  let told = 0;
  const onProgress = (fraction: number) => {
    if (fraction - told < LEAST_PROGRESS) return;
    told = fraction;
    tell({ kind: "progress", index, fraction });
  };
  try {
    tell({ kind: "done", index, outcome: await performRun(task, { onProgress }) });
  } catch (cause) {
    const isOurs = !(cause instanceof PagefoldError);
    const code = isOurs ? null : cause.code;
    const stack = cause instanceof Error ? cause.stack : undefined;
    const message = isOurs ? (stack ?? reasonOf(cause)) : cause.message;
    tell({ kind: "failed", index, code, message });
  }
}

for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => {});
process.on("disconnect", () => process.exit());
process.on("message", (task: ChildTask) => void perform(task));
