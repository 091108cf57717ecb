/**
 * Runs programs nobody here wrote, to judge the server by. Where one is not installed its tests are skipped and say so;
 * with PAGEFOLD_JUDGES_REQUIRED=1 they fail instead. A program still running when its test is over is killed.
 */

import { spawn } from "node:child_process";
import { expect, onTestFinished } from "vitest";
import { type Finished, finished } from "../../cli/pagefold.ts";
import { missing } from "../../support/foreign-nbd.ts";
import { keep } from "../../support/served.ts";

export interface Judge {
  /** For `describe.skipIf`. */
  readonly isAbsent: boolean;
  /** The name of the tests, with the reason where they are skipped. */
  readonly title: string;
}

/** @throws where one is not installed and PAGEFOLD_JUDGES_REQUIRED is 1. */
export function judge(title: string, ...programs: readonly string[]): Judge {
  const reason = missing(...programs);
  if (reason === "") return { isAbsent: false, title };
  if (process.env.PAGEFOLD_JUDGES_REQUIRED === "1") {
    throw new Error(`${title}, which PAGEFOLD_JUDGES_REQUIRED=1 wants, cannot be ${reason}`);
  }
  console.log(`${title}: ${reason}`);
  return { isAbsent: true, title: `${title} (${reason})` };
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program within a test. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env }: RunOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const { end } = keep(child);
  onTestFinished(() => end("SIGKILL"));
  return finished(child);
}

/** Runs a program that has to exit with 0; gives its standard output. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  expect(code, `${program} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}
