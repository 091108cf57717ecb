/**
 * NBD programs nobody here wrote: servers on a socket in a folder of their own, stopped by their process id and gone
 * with the test. Where a program is not installed, `missing` says so for the skipped test's name.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Zeros that become a hole of a file: a multiple of every file system's block. */
const HOLE_BYTES = 65_536;

/** "", or which of the programs are not installed. */
export function missing(...programs: readonly string[]): string {
  const absent = programs.filter(
    (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined,
  );
  return absent.length === 0 ? "" : `skipped: ${absent.join(", ")} not installed`;
}

/** Runs a program to its end, which must be a good one. */
export function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended: ${stderr}`);
}

export interface ForeignServer {
  /** Of the export with the empty name. */
  readonly uri: string;
  readonly socketPath: string;
  /** Private, and removed by `stop`. */
  readonly folder: string;
  readonly pid: number;
  stop(): Promise<void>;
}

type Arguments = readonly string[] | ((folder: string) => readonly string[]);

/** Starts a server in the foreground and waits until its file `pid` tells that clients may connect. */
async function startServer(
  folder: string,
  command: readonly [program: string, ...args: string[]],
): Promise<ForeignServer> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const stop = async () => {
    if (isRunning(child)) {
      child.kill();
      await once(child, "exit");
    }
    await rm(folder, { recursive: true });
  };
  while (!existsSync(join(folder, "pid"))) {
    if (!isRunning(child)) {
      await stop();
      throw new Error(`${command.join(" ")} ended: ${said}`);
    }
    await shortWhile();
  }
  return { ...placeIn(folder), pid: child.pid!, stop };
}

function placeIn(folder: string) {
  const socketPath = join(folder, "socket");
  return { folder, socketPath, uri: `nbd+unix:///?socket=${socketPath}` };
}

const shortWhile = () => new Promise((resolve) => setTimeout(resolve, 5));

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

const newFolder = () => mkdtemp(join(tmpdir(), "pagefold-nbd-"));

/**
 * nbdkit with these arguments, which may name files in the server's folder; on a Unix socket unless they give a place.
 */
export async function startNbdkit(args: Arguments): Promise<ForeignServer> {
  const folder = await newFolder();
  const given = typeof args === "function" ? args(folder) : args;
  const place = given.includes("-p") || given.includes("-U") ? [] : ["-U", join(folder, "socket")];
  return startServer(folder, [
    "nbdkit",
    "--exit-with-parent",
    "-f",
    "-P",
    join(folder, "pid"),
    ...place,
    ...given,
  ]);
}

/** qemu-nbd serving a raw file of `content`, its blocks of zeros holes, under these further arguments. */
export async function startQemuNbd(
  content: Uint8Array,
  args: readonly string[] = [],
): Promise<ForeignServer> {
  const folder = await newFolder();
  const path = join(folder, "image");
  await writeSparse(path, content);
  return startServer(folder, [
    "qemu-nbd",
    "--persistent",
    `--pid-file=${join(folder, "pid")}`,
    `--socket=${join(folder, "socket")}`,
    "--format=raw",
    ...args,
    path,
  ]);
}

async function writeSparse(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  for (let offset = 0; offset < content.length; offset += HOLE_BYTES) {
    const block = content.subarray(offset, offset + HOLE_BYTES);
    if (block.some((byte) => byte !== 0)) await file.write(block, 0, block.length, offset);
  }
  await file.truncate(content.length);
  await file.close();
}

/** The reference server, with a file of `content` as the export "disk". It serves several clients as a daemon only. */
export async function startNbdServer(content: Uint8Array): Promise<ForeignServer> {
  const folder = await newFolder();
  const [image, config, pidPath] = ["image", "config", "pid"].map((name) => join(folder, name));
  const place = placeIn(folder);
  await writeFile(image!, content);
  const lines = ["[generic]", `unixsock = ${place.socketPath}`, "listenaddr = 127.0.0.1"];
  lines.push(`port = ${await freePort()}`, "allowlist = true", "[disk]", `exportname = ${image}`);
  await writeFile(config!, `${lines.join("\n")}\n`);
  run("nbd-server", "-p", pidPath!, "-C", config!);
  while (!existsSync(pidPath!) || !existsSync(place.socketPath)) await shortWhile();
  const pid = Number(readFileSync(pidPath!, "utf8"));
  const stop = async () => {
    process.kill(pid);
    while (existsSync(pidPath!)) await shortWhile();
    await rm(folder, { recursive: true });
  };
  return { ...place, pid, stop };
}

/** A TCP port nobody listens on, for a moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}
