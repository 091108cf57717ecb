/**
 * QEMU's block layer and a cached file: what it wrote is in the file after a flush, with FUA at once, and at the
 * server's end; also what another connection wrote.
 */

import { spawn } from "node:child_process";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { keep, type Served, scratchOfTest } from "../../support/served.ts";
import {
  CACHED_BYTES,
  CACHES,
  type Cached,
  imageOfTest,
  serveCached,
  WRITE_THROUGH,
} from "./cached.ts";
import { judge, succeed } from "./tools.ts";

const { title, isAbsent } = judge("QEMU and a cache", "qemu-img", "qemu-io");

/** QEMU counts in sectors: the last one it cannot write. */
const WHOLE_BYTES = Math.floor(CACHED_BYTES / 512) * 512;
const RAW = ["-f", "raw"];
const IDENTICAL = "Images are identical.\n";

const commandsOf = (commands: readonly string[]) => commands.flatMap((one) => ["-c", one]);

/** Through the server, which is flushed then; every command has to succeed, patterns included. */
const io = ({ uri }: Served, ...commands: readonly string[]) =>
  succeed("qemu-io", [...RAW, ...commandsOf(commands), uri]);

/** In the file itself, whoever has it open. */
const look = (origin: string, ...commands: readonly string[]) =>
  succeed("qemu-io", [...RAW, "-r", "-U", ...commandsOf(commands), origin]);

const compare = (one: string, other: string) =>
  succeed("qemu-img", ["compare", "-U", ...RAW, "-F", "raw", one, other]);

/** A qemu-io that stays connected, and flushes when it is told to alone: gives commands and waits for the answers. */
function startWriter({ uri }: Served): (command: string, answer?: RegExp) => Promise<void> {
  const child = spawn("qemu-io", [...RAW, "-t", "writeback", uri]);
  const { end } = keep(child);
  onTestFinished(() => end("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return async (command, answer = /wrote/) => {
    said = "";
    child.stdin.write(`${command}\n`);
    await expect.poll(() => said, { timeout: 20_000, interval: 5 }).toMatch(answer);
  };
}

describe.skipIf(isAbsent).each(CACHES)(`${title} $name`, ({ cache }) => {
  let cached: Cached;
  beforeAll(async () => {
    cached = await serveCached(cache);
    return () => cached.served.stop();
  });

  it("reads the file, sector by sector the same", async () => {
    expect(await compare(cached.origin, cached.served.uri)).toBe(IDENTICAL);
  });

  it("converts another file into it, out of order", async () => {
    const { served } = cached;
    const image = imageOfTest();
    truncateSync(image, WHOLE_BYTES);
    await io(served, "write -P 0xee 0 32M", `write -P 0xee 32M ${WHOLE_BYTES - 2 ** 25}`);
    const convert = ["convert", "-n", "-W", "-m", "8", ...RAW, "-O", "raw"];
    await succeed("qemu-img", [...convert, image, served.uri]);
    const out = join(scratchOfTest(), "out");
    await succeed("qemu-img", ["convert", ...RAW, "-O", "raw", served.uri, out]);
    truncateSync(out, WHOLE_BYTES);
    expect(await compare(image, out)).toBe(IDENTICAL);
  });

  it("has in the file what was written before a flush, of any alignment", async () => {
    const { served, origin } = cached;
    const command = startWriter(served);
    await command("write -P 1 0 1M");
    await command("write -P 2 4095 2");
    await command("write -P 3 8193 12289");
    await command("write -z -u 100001 100000");
    await command("flush", /qemu-io> $/);
    await look(origin, "read -P 1 0 4095", "read -P 2 4095 2", "read -P 1 4097 4096");
    await look(origin, "read -P 3 8193 12289", "read -P 1 20482 79519");
    await look(origin, "read -P 0 100001 100000", "read -P 1 200001 848575");
  });

  it("has in the file at once what was written with FUA", async () => {
    const { served, origin } = cached;
    const command = startWriter(served);
    await command("write -f -P 9 1000 70000");
    await look(origin, "read -P 9 1000 70000");
    await command("write -f -z 2000 5000");
    await look(origin, "read -P 9 1000 1000", "read -P 0 2000 5000", "read -P 9 7000 64000");
  });

  it("keeps what QEMU discards, since it offers no discard", async () => {
    await io(cached.served, "write -P 5 0 1M", "discard 0 1M", "read -P 5 0 1M");
    await look(cached.origin, "read -P 5 0 1M");
  });

  it("reads and flushes on one connection what another one wrote", async () => {
    const { served, origin } = cached;
    const command = startWriter(served);
    for (const place of [1, 2, 3]) {
      const range = `-P ${place} ${place * 700_001} 70001`;
      await command(`write ${range}`);
      await io(served, `read ${range}`, "flush");
      await look(origin, `read ${range}`);
    }
    await io(served, "write -P 99 700001 5");
    await command("read -P 99 700001 5", /^read 5/);
  });

  it("has in the file when the server has ended what could be read before", async () => {
    const { served, origin, end } = cached;
    const command = startWriter(served);
    await command("write -P 77 40M 1M");
    const out = join(scratchOfTest(), "out");
    await succeed("qemu-img", ["convert", ...RAW, "-O", "raw", served.uri, out]);
    await end();
    expect(await compare(out, origin)).toBe(IDENTICAL);
    await look(origin, "read -P 77 40M 1M");
  });
});

describe.skipIf(isAbsent)(`${title} in write-through mode alone`, () => {
  it("has in the file at once what was written, flushed or not", async () => {
    const { served, origin } = await serveCached(WRITE_THROUGH);
    onTestFinished(() => served.stop());
    const command = startWriter(served);
    for (const range of ["-P 1 0 1M", "-P 2 4095 2", "-P 3 70001 512", "-z 8000 20000"]) {
      await command(`write ${range}`);
      await look(origin, `read ${range.replace("-z", "-P 0")}`);
    }
  });
});
