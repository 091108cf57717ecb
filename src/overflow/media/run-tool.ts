/**
 * Runs one of util-linux's small tools on a file this process has open. The tool is given the open file itself, not its
 * path: that may have come to name another one.
 */

import { spawn } from "node:child_process";
import { reasonOf } from "../../base/errors.ts";
import { systemCode } from "../../base/file-error.ts";

/** Where the tools of administrators are, which may be missing in PATH. */
const SYSTEM_FOLDERS = ":/usr/sbin:/sbin";
const MOST_MESSAGE = 300;

export interface ToolCall {
  readonly args: readonly string[];
  /** The open file; its path in the child is put behind the arguments. */
  readonly fd: number;
}

/** Null when it did its work, else why not. */
export async function runTool(tool: string, call: ToolCall): Promise<string | null> {
  try {
    return await runChild(tool, call);
  } catch (cause) {
    const isMissing = systemCode(cause) === "ENOENT";
    if (isMissing) return `${tool} is not installed (it is part of util-linux)`;
    return reasonOf(cause);
  }
}

async function runChild(tool: string, { args, fd }: ToolCall): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: "C", PATH: `${process.env.PATH ?? ""}${SYSTEM_FOLDERS}` };
    const child = spawn(tool, [...args, "/proc/self/fd/3"], {
      env,
      stdio: ["ignore", "ignore", "pipe", fd],
    });
    let message = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      message = (message + text).slice(0, MOST_MESSAGE);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const said = message.trim().replaceAll(/\s+/g, " ");
      resolve(code === 0 ? null : said || `${tool} ended with ${signal ?? code}`);
    });
  });
}
