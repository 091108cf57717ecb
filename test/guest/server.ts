/** `pagefold serve` as a guest's swap: started, watched by `pagefold stat` every second, stopped. */

import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { ServerStatus } from "../../src/report/result.ts";
import { type Finished, finished, start } from "../cli/pagefold.ts";
import { guarded } from "./cleanup.ts";

export interface ServerOptions {
  /** A folder for its sockets. */
  readonly scratch: string;
  readonly size: string;
  /** A socket of the file system, or a free port of the loopback. */
  readonly listen: "socket" | "port";
  /** A file to record a trace to. */
  readonly record?: string;
  /** Further arguments of `pagefold serve`. */
  readonly further?: readonly string[];
}

export interface SwapServer {
  readonly socket: string;
  /** 0 where it listens at the socket. */
  readonly port: number;
  /** Ends it; its statistics of every second, the last ones taken when the guest was through. */
  stop(): Promise<readonly ServerStatus[]>;
}

const statusIn = (line: string) => (JSON.parse(line) as { readonly results: ServerStatus }).results;

/** The `ready` line's address, or an error with what it said instead. */
function readyUri(child: ChildProcess, ended: Promise<Finished>): Promise<URL> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (part) => {
      text += part;
      const uri = /^ready (\S+)\n/m.exec(text)?.[1];
      if (uri !== undefined) resolve(new URL(uri));
    });
    ended.then(({ code, stderr }) => {
      reject(new Error(`pagefold serve did not start, exit code ${code}\n${stderr}`));
    }, reject);
  });
}

export async function startServer(options: ServerOptions): Promise<SwapServer> {
  const { scratch, size, listen, record, further = [] } = options;
  const socket = join(scratch, "nbd");
  // The control socket of a server on a port lies in this folder.
  const env = { ...process.env, XDG_RUNTIME_DIR: scratch };
  const at = listen === "socket" ? ["--socket", socket] : ["--listen", "127.0.0.1:0"];
  const recording = record === undefined ? [] : ["--record", record];
  const server = guarded(
    start(["serve", "--size", size, ...at, ...recording, ...further], { env }),
  );
  const ended = finished(server);
  const port = Number((await readyUri(server, ended)).port);

  const which = listen === "socket" ? ["--socket", socket] : ["--port", `${port}`];
  const watcher = guarded(start(["stat", "--json", "--watch", ...which], { env }));
  const watched = finished(watcher);

  const stop = async () => {
    watcher.kill("SIGINT");
    const lines = (await watched).stdout.trim().split("\n");
    const last = await finished(start(["stat", "--json", ...which], { env }));
    if (last.code !== 0) throw new Error(`pagefold stat failed\n${last.stderr}`);
    server.kill("SIGTERM");
    const { code, stderr } = await ended;
    if (code !== 0) throw new Error(`pagefold serve ended with exit code ${code}\n${stderr}`);
    return [...lines, last.stdout].map(statusIn);
  };
  return { socket, port, stop };
}
