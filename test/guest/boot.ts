/** Boots a guest under QEMU's software emulation; `boot` waits for its end and returns what it reported. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { guarded } from "./cleanup.ts";
import { packInitramfs } from "./initramfs.ts";
import type { KernelFolder } from "./kernel.ts";
import { pathOf } from "./tools.ts";

const MEMORY_MIB = 192;
/** A guest takes one to two minutes where nothing else runs. */
const TIMEOUT_MS = 18 * 60_000;

export interface BootOptions {
  readonly kernel: KernelFolder;
  readonly plan: readonly string[];
  /** Temporary files come here. */
  readonly scratch: string;
  /** What is special to this guest: its disk, its network. */
  readonly devices: readonly string[];
}

export interface Report {
  /** What each workload printed, in order. */
  readonly results: readonly { readonly script: string; readonly printed: string }[];
  /** Pages swapped since the boot. */
  readonly pswpin: number;
  readonly pswpout: number;
  /** The kernel's messages, raw: `<level>[seconds] text`. */
  readonly messages: readonly string[];
}

/** A virtio disk that is an NBD export, by QEMU's own client. Errors are the guest's to see: it must not stop. */
export function nbdDisk(socket: string): readonly string[] {
  return [
    "-drive",
    `file=nbd:unix:${socket},format=raw,if=none,id=disk,discard=unmap,cache=none`,
    ...["-device", "virtio-blk-pci,drive=disk,werror=report,rerror=report"],
  ];
}

/** A network in which 10.0.2.2 is the host's loopback. Without a boot ROM: that is another package. */
export const USER_NETWORK: readonly string[] = [
  ...["-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile="],
];

function machine(options: BootOptions, initramfs: string): string[] {
  const { kernel, scratch, devices } = options;
  return [
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-m", `${MEMORY_MIB}`, "-smp", "1"],
    ...["-nodefaults", "-display", "none", "-no-reboot"],
    ...[
      "-serial",
      `file:${join(scratch, "console")}`,
      "-serial",
      `file:${join(scratch, "report")}`,
    ],
    ...["-kernel", join(kernel, "image"), "-initrd", initramfs],
    ...["-append", "console=ttyS0 quiet panic=-1 mitigations=off"],
    ...["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"],
    ...devices,
  ];
}

function parse(text: string): Report {
  const lines = text.split(/\r?\n/);
  const results = [...text.matchAll(/^result (\S+) (.*?)\r?$/gm)].map(([, script, printed]) => ({
    script: script!,
    printed: printed!,
  }));
  const last = (name: string) => {
    const line = lines.findLast((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  };
  const messages = lines.filter((line) => line.startsWith("log ")).map((line) => line.slice(4));
  return { results, messages, pswpin: last("pswpin"), pswpout: last("pswpout") };
}

const tail = (text: string) => text.split("\n").slice(-60).join("\n");

export interface Guest {
  readonly qemu: ChildProcess;
  /** What it reported so far; the last line may not be whole. */
  report(): string;
  /** What there is to see when it is not as it should be: what QEMU said, the ends of its console and its report. */
  traces(): string;
}

/** A guest that runs, until `cleanUp` at the latest. */
export function startGuest(options: BootOptions): Guest {
  const { scratch } = options;
  const read = (name: string) => readFileSync(join(scratch, name), "utf8");
  for (const name of ["console", "report"]) writeFileSync(join(scratch, name), "");
  const args = machine(options, packInitramfs(options));
  const qemu = guarded(
    spawn(pathOf("qemu-system-x86_64"), args, { stdio: ["ignore", "ignore", "pipe"] }),
  );
  let said = "";
  qemu.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  return {
    qemu,
    report: () => read("report"),
    traces: () => `${said}\nconsole:\n${tail(read("console"))}\nreport:\n${tail(read("report"))}`,
  };
}

/** A guest that does not report that it is done is an error, which shows its traces. */
export async function boot(options: BootOptions): Promise<Report> {
  const { qemu, report, traces } = startGuest(options);
  const timer = setTimeout(() => qemu.kill("SIGKILL"), TIMEOUT_MS);
  const [code, signal] = await once(qemu, "close");
  clearTimeout(timer);
  if (/^done\r?$/m.test(report())) return parse(report());
  const ending =
    signal === null ? `exit code ${code}` : `${signal}, after ${TIMEOUT_MS} ms at most`;
  throw new Error(`the guest did not finish (QEMU: ${ending})\n${traces()}`);
}
