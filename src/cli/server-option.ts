/** How `stat` and `ctl` are told which server is meant. */

import { resolve } from "node:path";
import type { Command } from "commander";
import { PagefoldError } from "../base/errors.ts";
import { controlPathOf } from "../nbd/control.ts";
import { wholeNumberOption } from "./arguments.ts";
import { checkRuntimeFolder, defaultSocketPath, portSocketPath } from "./socket-paths.ts";

export interface ServerArguments {
  readonly socket?: string;
  readonly port?: number;
}

export function addServerOptions(command: Command): Command {
  return command
    .option("--socket <path>", "the server's NBD socket (default: the default of `serve`)")
    .option(
      "--port <port>",
      "the server's TCP port, instead",
      wholeNumberOption("--port", { min: 1, max: 65_535, what: "a port" }),
    );
}

/** @throws PagefoldError NOT_PERMITTED where the default folder is used, and others could have put a socket there. */
export function controlPathOfServer({ socket, port }: ServerArguments): string {
  if (socket !== undefined && port !== undefined) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      "--socket and --port exclude each other; a server listens at one of the two",
    );
  }
  if (socket !== undefined) return controlPathOf(resolve(socket));
  checkRuntimeFolder();
  return controlPathOf(port === undefined ? defaultSocketPath() : portSocketPath(port));
}
