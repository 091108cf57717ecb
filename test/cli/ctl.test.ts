/** `ctl`: compact, idle, recompress and reset of a running server, and what it refuses. */

import { once } from "node:events";
import { connect } from "node:net";
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { controlPathOf } from "../../src/nbd/control.ts";
import { fixturePages } from "../support/fixtures.ts";
import { numberedPage, prefixPage } from "../support/pages.ts";
import { type Served, serve, serveForAll } from "../support/served.ts";
import { pagefold } from "./pagefold.ts";

let served: Served;

const ctl = (...args: readonly string[]) => pagefold("ctl", "--socket", served.socketPath, ...args);

/** The results of a command that has to succeed. */
async function results(...args: readonly string[]): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await ctl("--json", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { schema, command, results: found } = JSON.parse(stdout);
  expect({ schema, command }).toEqual({ schema: 1, command: "ctl" });
  return found;
}

async function open(name: string): Promise<NbdClient> {
  const client = await NbdClient.connect(served.uriOf(name));
  onTestFinished(() => client.disconnect());
  return client;
}

/** Real pages in export b, which is then closed again. */
async function fill(bytes = 2 ** 22): Promise<Uint8Array> {
  const pages = fixturePages("guest-a-node").subarray(0, bytes);
  const client = await open("b");
  await client.write(0, pages);
  await client.disconnect();
  await served.until(async () => (await served.status()).server.connections === 0 || null);
  return pages;
}

/** What the server answers to that on its control socket. */
async function say(text: string) {
  const socket = connect(controlPathOf(served.socketPath));
  onTestFinished(() => {
    socket.destroy();
  });
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    answer += part;
  });
  socket.write(text);
  await once(socket, "end");
  return JSON.parse(answer);
}

describe("pagefold ctl", () => {
  beforeEach(async () => {
    served = await serve(["--size=1M", "--export=b=16M", "--recompress=zstd"]);
  });

  it("makes cold pages smaller by recompress, which read the same", async () => {
    const pages = await fill();
    const before = (await served.status()).store;
    const { recompressed, saved_bytes } = await results("recompress");
    const after = (await served.status()).store;
    expect(recompressed).toBeGreaterThan(500);
    expect(after.compr_data_size).toBeLessThan(before.compr_data_size * 0.95);
    expect(saved_bytes).toBe(before.compr_data_size - after.compr_data_size);
    const client = await open("b");
    const target = new Uint8Array(pages.length);
    await client.read(0, target);
    expect(Buffer.compare(target, pages)).toBe(0);
  });

  it("recompresses idle pages alone, once they are marked", async () => {
    await fill();
    expect(await results("recompress", "--type", "idle")).toMatchObject({ tried: 0 });
    expect((await results("idle")).marked).toBeGreaterThan(900);
    const { store } = await served.status();
    expect(await results("recompress", "--type", "idle")).toMatchObject({ tried: store.objects });
  });

  it("gives memory of the pool back by compact", async () => {
    const client = await open("b");
    const random = new SeededRandom(1);
    // Objects of one size, of which every second goes.
    for (let index = 0; index < 1024; index++)
      await client.write(index * 4096, prefixPage(random, 900));
    for (let index = 0; index < 1024; index += 2) await client.trim(index * 4096, 4096);
    const before = (await served.status()).store.mem_used_total;
    const { pages_compacted } = await results("compact");
    const after = (await served.status()).store.mem_used_total;
    expect(pages_compacted).toBeGreaterThan(0);
    expect(before - after).toBe(pages_compacted! * 4096);
  });

  it("marks only old pages idle with --age", async () => {
    await fill(2 ** 20);
    expect(await results("idle", "--age", "3600")).toEqual({ marked: 0 });
    expect(await results("idle", "--age", "0")).toEqual({ marked: 256 });
  });

  it("forgets an export's pages by reset, and no other's", async () => {
    await fill(2 ** 20);
    const other = await open("");
    await other.write(0, numberedPage(1));
    expect(await ctl("reset", "b")).toEqual({ code: 0, stdout: "reset: name b\n", stderr: "" });
    const { exports, identity_difference } = await served.status();
    expect(exports.map(({ orig_data_size }) => orig_data_size)).toEqual([4096, 0]);
    expect(identity_difference).toBe(0);
  });

  it("resets the export without a name", async () => {
    const client = await open("");
    await client.write(0, numberedPage(1));
    await client.disconnect();
    await served.until(async () => (await served.status()).server.connections === 0 || null);
    expect((await ctl("reset", "")).code).toBe(0);
    expect((await served.status()).store.orig_data_size).toBe(0);
  });

  it("refuses to reset an export that someone has open", async () => {
    await open("b");
    const { code, stderr } = await ctl("reset", "b");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pagefold: 1 client has export "b" open; let them disconnect first\n$/);
  });

  it("refuses to reset an export that is not there, and names those that are", async () => {
    expect(await ctl("reset", "c")).toEqual({
      code: 1,
      stdout: "",
      stderr: 'pagefold: there is no export "c"; there are "", "b"\n',
    });
  });

  it("takes every option of recompress", async () => {
    await fill();
    const options = [
      "--type",
      "all",
      "--threshold",
      "1K",
      "--idle-seconds",
      "0",
      "--priority",
      "1",
    ];
    const found = await results("recompress", ...options, "--max-pages", "10");
    expect(found).toMatchObject({ tried: 10 });
  });

  it("refuses a type of recompress that is none, as a wrong command line", async () => {
    const { code, stderr } = await ctl("recompress", "--type", "cold");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^pagefold: .*"cold".*huge_idle.*\n$/);
  });
});

describe("a server's control socket", () => {
  beforeAll(async () => {
    served = await serveForAll(["--size=1M", "--recompress=zstd"]);
    return () => served.stop();
  });

  it("refuses what is no request, and lives on", async () => {
    const answers = [];
    for (const line of ["garbage", "{}", '{"command":"toString"}', '{"command":"__proto__"}', "[]"])
      answers.push(await say(`${line}\n`));
    expect(answers.map(({ refusal }) => refusal.code)).toEqual([
      "PROTOCOL",
      "PROTOCOL",
      "UNSUPPORTED",
      "UNSUPPORTED",
      "PROTOCOL",
    ]);
    expect((await served.status()).identity_difference).toBe(0);
  });

  it.each([
    '{"command":"idle","options":{"age_seconds":"x"}}',
    '{"command":"idle","options":{"age_seconds":-1}}',
    '{"command":"recompress","options":{"type":7}}',
    '{"command":"recompress","options":{"maxPages":"many"}}',
    '{"command":"recompress","options":{"thresholdBytes":1e300}}',
  ])("refuses values of no sense: %s", async (line) => {
    expect((await say(`${line}\n`)).refusal?.code).toBe("INVALID_ARGUMENT");
  });
});

describe("pagefold ctl, refused,", () => {
  it("says that a server without further codecs cannot recompress", async () => {
    served = await serve(["--size=1M"]);
    const { code, stderr } = await ctl("recompress");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^pagefold: .*; start the server with --recompress zstd .*\n$/);
  });

  it("says where it looked for a server", async () => {
    const { code, stderr } = await pagefold("ctl", "--socket", "/proc/none", "compact");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^pagefold: no server listens at "\/proc\/none.control" \(ENOENT\); start/,
    );
  });

  it.each([
    { line: "ctl idle --age x", says: '--age cannot be "x": give seconds, a whole number from 0' },
    { line: "ctl recompress --max-pages 0", says: '--max-pages cannot be "0": give a count of' },
    { line: "ctl recompress --priority 4", says: '--priority cannot be "4"' },
    { line: "ctl recompress --threshold x", says: '--threshold cannot be "x": give bytes' },
    { line: "ctl reset", says: "missing required argument 'export'" },
    { line: "ctl defragment", says: "unknown command 'defragment'" },
    { line: "ctl --socket x --port 1 compact", says: "--socket and --port exclude each other" },
  ])("exits with 2: $line", async ({ line, says }) => {
    const { code, stderr } = await pagefold(...line.split(" "));
    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^pagefold: .+\n$/);
  });

  it("prints its help to standard error and exits with 2 without a command", async () => {
    const { code, stdout, stderr } = await pagefold("ctl");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: pagefold ctl");
  });
});
