/**
 * `pagefold serve`: a compressed, deduplicated disk over NBD until it is told to stop. The work is
 * src/nbd/service.ts's.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import { parseCodec } from "../../codecs/registry.ts";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { DEFAULT_MEMORY_BYTES } from "../cache/options.ts";
import type { ExportOptions } from "../device/options.ts";
import { controlPathOf } from "../nbd/control.ts";
import type { ListenAt, NbdServer } from "../nbd/server/server.ts";
import type { TlsFiles } from "../nbd/server/tls.ts";
import { isLoopback, Service } from "../nbd/service.ts";
import type { ServerStatus } from "../report/result.ts";
import { renderStatus } from "../report/status.ts";
import { sizeOption } from "./arguments.ts";
import { addCacheOptions, type CacheArguments, cacheOptionsOf } from "./cache-arguments.ts";
import {
  addOverflowOptions,
  type OverflowArguments,
  overflowOptionsOf,
} from "./overflow-arguments.ts";
import type { CommandContext } from "./run.ts";
import {
  formatHostPort,
  type HostPort,
  parseDiskSize,
  parseExport,
  parseListen,
} from "./serve-arguments.ts";
import { defaultSocketPath, ensureRuntimeFolder, portSocketPath } from "./socket-paths.ts";

interface ServeArguments extends OverflowArguments, CacheArguments {
  readonly size?: number;
  readonly export?: readonly ExportOptions[];
  readonly memoryLimit?: number;
  readonly codec: string;
  readonly dedup: boolean;
  readonly reserve?: number;
  readonly socket?: string;
  readonly listen?: HostPort;
  readonly force?: boolean;
  readonly readOnly?: boolean;
  readonly insecure?: boolean;
  readonly tls?: "off" | "on" | "require";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsPsk?: string;
  readonly record?: string;
  readonly run?: string;
  readonly pidFile?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Prints "ready URI" when clients can connect, and its statistics when it ends: by ^C or SIGTERM, after finishing what is
under way. A second signal ends it at once. What disks in memory hold ends with it, as swap's does.

While it runs, "pagefold stat" shows its statistics and "pagefold ctl" maintains it, over a control socket beside the
NBD socket. Exports share equal pages with each other unless they are given domains of their own: who can write pages
to an export and time the writes can learn whether another export of its domain holds them.

With --cache-of, the disk is a file or block device that is there already, with a compressed cache in front of it: what
is written stays. A flush means it is durable there. In write-back mode a crash of this program loses what was written
since the last flush, and nothing else; at the end everything is flushed, and if that fails it says what is lost.

With --overflow, pages leave memory for a file or block device when it fills: compressed and shared as they are, sealed
with a key that ends with the process. What lies there is lost at the end as well; what is kept is how worn it is.

Examples:
  $ pagefold serve --size 4G
      one disk at the default socket; then: qemu-system-x86_64 -drive file=nbd:unix:SOCKET,format=raw,if=virtio,...
  $ pagefold serve --size 4G --codec lz4 --recompress zstd --memory-limit 1G
      at most 1 GiB of compressed pages; "pagefold ctl recompress" makes cold ones smaller
  $ pagefold serve --size 16G --memory-limit 1G --overflow /var/tmp/swap.log --overflow-size 8G
      the same, and what does not fit goes to a log of 8 GiB on an SSD; "pagefold stat" shows its wear
  $ pagefold serve --export guest-a=2G,domain=a --export guest-b=2G,domain=b,limit=1G
      two disks that share nothing
  $ pagefold serve --cache-of /dev/sdb --memory-limit 2G
      a cache of 2 GiB, some 5 GiB of pages when they compress, in front of a slow disk; "pagefold stat" shows its hits
  $ pagefold serve --cache-of disk.img --memory-limit 1G --cache-mode write-through
      every write on the disk before it is answered; with --overflow, what memory has no room for is cached on an SSD
  $ pagefold serve --size 4G --listen 0.0.0.0:10809 --tls-psk keys.psk
      to other machines, encrypted; psktool -u guest -p keys.psk makes the file
  $ pagefold serve --size 1G --run 'nbdinfo "$uri"'
      for as long as a command runs

Exit codes: 0 ended as told; 1 it could not start or go on; 2 the command line is wrong; with --run, the command's.`;

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** A socket that systemd made for this process (sd_listen_fds), which is then the first after standard error. */
function activatedSocket(): number | undefined {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  if (LISTEN_PID !== String(process.pid) || LISTEN_FDS === undefined) return undefined;
  if (LISTEN_FDS !== "1")
    throw invalid(`systemd hands over ${LISTEN_FDS} sockets; give the unit one ListenStream`);
  return 3;
}

function tlsFiles(options: ServeArguments): TlsFiles | undefined {
  const { tlsCert, tlsKey, tlsCa, tlsPsk } = options;
  const hasCertificate = tlsCert !== undefined || tlsKey !== undefined || tlsCa !== undefined;
  if (tlsPsk !== undefined && hasCertificate)
    throw invalid("--tls-psk and certificates exclude each other; give one of the two");
  if (hasCertificate && (tlsCert === undefined || tlsKey === undefined))
    throw invalid("TLS with certificates needs both --tls-cert and --tls-key");
  if (tlsPsk !== undefined) return { pskPath: resolve(tlsPsk) };
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return {
    certPath: resolve(tlsCert),
    keyPath: resolve(tlsKey),
    ...(tlsCa === undefined ? {} : { caPath: resolve(tlsCa) }),
  };
}

/** Whether clients must encrypt: unless told otherwise they must where they can. */
function mustEncrypt(options: ServeArguments, tls: TlsFiles | undefined): boolean {
  const mode = options.tls ?? (tls === undefined ? "off" : "require");
  if (mode !== "off" && tls === undefined)
    throw invalid(`--tls ${mode} needs --tls-cert and --tls-key, or --tls-psk`);
  if (mode === "off" && tls !== undefined)
    throw invalid("--tls off leaves the certificate or key given unused; leave one of them out");
  const { listen } = options;
  const isExposed = listen !== undefined && !isLoopback(listen.host) && mode !== "require";
  if (isExposed && options.insecure !== true) {
    const remedy =
      tls === undefined ? "give --tls-psk, or --tls-cert and --tls-key" : "say --tls require";
    throw invalid(
      `--listen ${formatHostPort(listen)} would let other machines read and write swapped memory in plain text; ${remedy}, or say --insecure`,
    );
  }
  return mode === "require";
}

function placeOf({ socket, listen }: ServeArguments): ListenAt {
  const fd = activatedSocket();
  if (fd !== undefined) {
    if (socket !== undefined || listen !== undefined)
      throw invalid("systemd says where to listen; leave --socket and --listen out");
    return { fd };
  }
  if (socket !== undefined && listen !== undefined)
    throw invalid("--socket and --listen exclude each other; give one of the two");
  if (listen !== undefined) return listen;
  if (socket !== undefined) return { path: resolve(socket) };
  ensureRuntimeFolder();
  return { path: defaultSocketPath() };
}

function exportsOf({ size, export: named = [], cacheOf }: ServeArguments): ExportOptions[] {
  if (cacheOf !== undefined) return [];
  const exports: ExportOptions[] =
    size === undefined ? [...named] : [{ name: "", sizeBytes: size }, ...named];
  if (exports.length === 0)
    throw invalid(
      "nothing to serve: give --size 1G for one disk, --export NAME=SIZE for each, or --cache-of PATH",
    );
  const names = exports.map(({ name = "" }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined)
    throw invalid(`two exports are named "${printable(twice)}"; rename one (--size's is "")`);
  return exports;
}

/** Beside the NBD socket; where that is none of the file system's, where `stat` and `ctl` look for the port's. */
function controlPathAt({ path, port }: Pick<NbdServer, "path" | "port">): string {
  if (path !== undefined) return controlPathOf(path);
  ensureRuntimeFolder();
  return controlPathOf(port === undefined ? defaultSocketPath() : portSocketPath(port));
}

async function start(options: ServeArguments, context: CommandContext): Promise<Service> {
  const cache = cacheOptionsOf(options);
  const overflow = overflowOptionsOf(
    cache === undefined ? options : { memoryLimit: DEFAULT_MEMORY_BYTES, ...options },
  );
  const at = placeOf(options);
  const tls = tlsFiles(options);
  const log = (line: string) => context.note(`pagefold: ${line}`);
  const { codec, recompress = [], dedup, memoryLimit, reserve, record } = options;
  return Service.start({
    store: {
      codec,
      recompress,
      dedup,
      ...(memoryLimit === undefined ? {} : { memoryLimitBytes: memoryLimit }),
      ...(reserve === undefined ? {} : { reserveBytes: reserve }),
      ...(overflow === undefined ? {} : { overflow: { ...overflow, onEvent: log } }),
    },
    exports: exportsOf(options),
    ...(cache === undefined ? {} : { cache }),
    isReadOnly: options.readOnly ?? false,
    at,
    controlPathAt,
    replaceDead: options.force ?? false,
    requireTls: mustEncrypt(options, tls),
    allowPlainText: options.insecure ?? false,
    log,
    ...(tls === undefined ? {} : { tls }),
    ...(record === undefined ? {} : { record: resolve(record) }),
  });
}

/** Runs the command with the server's address in its environment: its exit code, as a shell would give it. */
async function runCommand(command: string, service: Service, signal: AbortSignal): Promise<number> {
  const { uri, socketPath, port } = service;
  const child = spawn("/bin/sh", ["-c", command], {
    stdio: "inherit",
    env: { ...process.env, uri, socket: socketPath ?? "", port: String(port ?? "") },
  });
  const stop = () => child.kill();
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  // At a second signal, which ends this process at once.
  process.once("exit", kill);
  const [code, ended] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  signal.removeEventListener("abort", stop);
  process.off("exit", kill);
  return code ?? 128 + (ended === null ? 0 : constants.signals[ended]);
}

function writePidFile(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (cause) {
    throw new PagefoldError(
      "IO",
      `the pid file cannot be written: ${(cause as Error).message}; name another --pid-file`,
      { cause },
    );
  }
}

function printLast(last: ServerStatus, options: ServeArguments, context: CommandContext): void {
  const shown = {
    size: options.size ?? null,
    exports: options.export ?? [],
    cache_of: options.cacheOf ?? null,
    codec: options.codec,
  };
  const report = { schema: 1, command: "serve", options: shown, results: last, series: {} };
  context.print(
    options.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : `\n${renderStatus(last, { emphasis: context.emphasis, title: "At the end" })}`,
  );
}

async function serve(options: ServeArguments, context: CommandContext): Promise<void> {
  const { pidFile } = options;
  let removePidFile = () => {};
  const service = await start(options, context);
  try {
    if (pidFile !== undefined) {
      writePidFile(pidFile);
      removePidFile = () => rmSync(pidFile, { force: true });
      // Also when a second signal ends the process at once.
      process.once("exit", removePidFile);
    }
    const ready = `ready ${service.uri}`;
    if (options.json) context.note(ready);
    else context.print(`${ready}\n`);
    const { signal } = context;
    if (options.run !== undefined && !signal.aborted)
      process.exitCode = await runCommand(options.run, service, signal);
    else if (!signal.aborted) await once(signal, "abort");
  } finally {
    const { last, loss } = await service.close();
    removePidFile();
    process.off("exit", removePidFile);
    printLast(last, options, context);
    if (loss !== null) {
      context.note(`pagefold: ${loss.message}`);
      process.exitCode = 1;
    }
  }
}

const MODES = ["off", "on", "require"] as const;

function parseTlsMode(text: string): (typeof MODES)[number] {
  const mode = MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw invalid(`--tls cannot be "${text}"; the modes are ${MODES.join(", ")}`);
}

/** Adds the command to the program. */
export function registerServe(program: Command, context: CommandContext): void {
  const command = program
    .command("serve")
    .summary("serve a compressed, deduplicated swap disk over NBD")
    .description(
      "Serves disks over NBD, compressed and deduplicated in memory, or a cache of a disk, until it is told to stop.",
    )
    .option(
      "--size <size>",
      "a disk of that size, without a name; with --cache-of, how much of that",
      (text) => parseDiskSize(text, "--size"),
    )
    .option(
      "--export <name=size>",
      "a disk of that name; ,domain=NAME and ,limit=SIZE may follow; any number of times",
      (text: string, before: readonly ExportOptions[] = []) => [...before, parseExport(text)],
    )
    .option("--codec <codec>", "the codec of new pages", (text) => parseCodec(text).name, "lz4")
    .option(
      "--recompress <codecs>",
      "up to three further codecs for `pagefold ctl recompress`, separated by commas",
      (text) => text.split(",").map((spec) => parseCodec(spec.trim()).name),
    )
    .option("--no-dedup", "store every page by itself")
    .option(
      "--memory-limit <size>",
      "most memory for compressed pages; beyond it a write is answered with ENOSPC, unless there is an --overflow; a cache has 256M unless told, and pages leave it",
      sizeOption("--memory-limit"),
    );
  addOverflowOptions(addCacheOptions(command))
    .option(
      "--reserve <size>",
      "take that much memory from the system now, so that no write waits for it",
      sizeOption("--reserve"),
    )
    .option("--socket <path>", "listen at this socket of the file system, for this user alone")
    .option("--listen <host:port>", "listen at this address instead", parseListen)
    .option("--force", "replace the socket of a server that died")
    .option("--read-only", "let clients read alone")
    .option(
      "--tls <mode>",
      "off, on (clients may encrypt) or require (the default with a key)",
      parseTlsMode,
    )
    .option("--tls-cert <file>", "the server's certificate, PEM")
    .option("--tls-key <file>", "the certificate's private key, PEM")
    .option("--tls-ca <file>", "let in only clients with a certificate of these authorities, PEM")
    .option("--tls-psk <file>", "let in who has one of these keys: lines of user:hexadecimal key")
    .option("--insecure", "allow plain text on an address other machines reach")
    .option("--record <trace>", "record what clients do to this new file, for `pagefold replay`")
    .option("--run <command>", "run it with $uri, $socket and $port set, and end when it does")
    .option("--pid-file <file>", "write the process id there while clients can connect")
    .option(
      "--json",
      "print the last statistics as one JSON object; `ready` goes to standard error",
    )
    .addHelpText("after", EXAMPLES)
    .action((options: ServeArguments) => serve(options, context));
}
