/** `stat`: what it shows of a running server, once or again and again, and what it says where there is none. */

import { once } from "node:events";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { numberedPage, samePage } from "../support/pages.ts";
import { keep, type Served, scratchOfTest, serve, serveForAll } from "../support/served.ts";
import { finished, pagefold, start, unprivileged, whyNotUnprivileged } from "./pagefold.ts";

let served: Served;

const stat = (...args: readonly string[]) =>
  pagefold("stat", "--socket", served.socketPath, ...args);

/** A `stat --watch` that has shown something, and ends with the test. */
async function watching(...args: readonly string[]) {
  const child = start(["stat", "--watch", ...args]);
  const { end } = keep(child);
  onTestFinished(() => end("SIGKILL"));
  const ended = finished(child);
  await once(child.stdout!, "data");
  return { child, ended };
}

describe("pagefold stat", () => {
  beforeAll(async () => {
    served = await serveForAll(["--export=a=1M", "--export=b=2M,domain=x", "--memory-limit=1G"]);
    const client = await NbdClient.connect(served.uriOf("b"));
    await client.write(0, numberedPage(1));
    await client.write(4096, numberedPage(1));
    await client.write(8192, samePage(5));
    await client.trim(12_288, 4096);
    await client.read(0, new Uint8Array(8192));
    await client.disconnect();
    return () => served.stop();
  });

  it("shows the exports, where every byte is, and what it takes", async () => {
    const { code, stdout, stderr } = await stat();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^pagefold serve\n {2}nbd\+unix:\/\/\/a\?socket=\S+, 0 clients, up /);
    expect(stdout).toMatch(/^ +a +1\.0 MiB +0 B +0 +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/^ +b +2\.0 MiB +12\.0 KiB +0 +1 +3 +1 +0$/m);
    expect(stdout).toMatch(/orig_data_size +12,288 +100\.0 % +3 slots in use x 4096/);
    expect(stdout).toMatch(/same-filled +4,096 +33\.3 % +1 pages? of one word/);
    expect(stdout).toMatch(/duplicates +4,096 +33\.3 % +1 pages? equal to one stored already/);
    expect(stdout).toContain("The identity holds: 0 bytes of difference.");
    expect(stdout).toContain("of 1.0 GiB allowed");
  });

  it("shows the same as one JSON object", async () => {
    const { code, stdout } = await stat("--json");
    const { schema, command, results } = JSON.parse(stdout);
    expect({ code, schema, command }).toEqual({ code: 0, schema: 1, command: "stat" });
    expect(results).toMatchObject({
      server: { pid: served.pid, uri: served.uri, connections: 0, codec: "lz4", recording: null },
      store: { orig_data_size: 12_288, same_pages: 1, dup_pages: 1, objects: 1 },
      identity_difference: 0,
      exports: [
        { name: "a", size_bytes: 2 ** 20 },
        {
          name: "b",
          domain: "x",
          orig_data_size: 12_288,
          connections: 0,
          requests: { reads: 1, writes: 3, trims: 1, errors: 0, bytes_written: 12_288 },
        },
      ],
    });
    expect(results.server.rss_bytes).toBeGreaterThan(2 ** 24);
  });

  it("counts who has an export open", async () => {
    const client = await NbdClient.connect(served.uriOf("b"));
    onTestFinished(() => client.disconnect());
    const { stdout } = await stat();
    expect(stdout).toContain(", 1 client, ");
    expect(stdout).toMatch(/^ +b .* 1 +1 +3 +1 +0$/m);
  });

  it("shows it every second until ^C, with --watch", async () => {
    const { child, ended } = await watching("--socket", served.socketPath);
    await once(child.stdout!, "data");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
    expect(stdout.match(/pagefold serve\n/g)!.length).toBeGreaterThanOrEqual(2);
    // Only a terminal is cleared.
    expect(stdout).not.toContain("\u001b");
  });

  it("prints one JSON object a line with --watch --json", async () => {
    const { child, ended } = await watching("--socket", served.socketPath, "--json");
    await once(child.stdout!, "data");
    child.kill("SIGINT");
    const lines = (await ended).stdout.trim().split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const line of lines) expect(JSON.parse(line).results.identity_difference).toBe(0);
  });

  it("ends when the server it watches does, and says so", async () => {
    const other = await serve(["--size=1M"]);
    const { ended } = await watching("--socket", other.socketPath);
    await other.end();
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pagefold: no server listens at ".*" \(\w+\); start one with .*\n$/);
  });

  it("finds a server by its port", async () => {
    const other = await serve(["--size=1M", "--listen=127.0.0.1:0"], { at: "arguments" });
    const env = { ...process.env, XDG_RUNTIME_DIR: other.folder };
    const child = start(["stat", "--json", "--port", String(other.port)], { env });
    const { code, stdout } = await finished(child);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).results.server.pid).toBe(other.pid);
  });

  it("finds the server at the default socket", async () => {
    const other = await serve(["--size=1M"], { at: "arguments" });
    const env = { ...process.env, XDG_RUNTIME_DIR: other.folder };
    const { code, stdout } = await finished(start(["stat", "--json"], { env }));
    expect(code).toBe(0);
    expect(JSON.parse(stdout).results.server.pid).toBe(other.pid);
  });

  it.each([
    { where: "the default socket", args: [] },
    { where: "a port's socket", args: ["--port", "10809"] },
  ])("does not look for $where in a folder that others may write to", async ({ args }) => {
    const folder = scratchOfTest();
    chmodSync(folder, 0o777);
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    const { code, stderr } = await finished(start(["stat", ...args], { env }));
    expect(code).toBe(1);
    expect(stderr).toBe(
      `pagefold: "${folder}" is not a folder that only this user may write to; say --socket, or set XDG_RUNTIME_DIR\n`,
    );
  });

  it("finds no server where the default socket's folder is missing", async () => {
    const folder = join(scratchOfTest(), "none");
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    const { code, stderr } = await finished(start(["stat"], { env }));
    expect(code).toBe(1);
    expect(stderr).toContain(`no server listens at "${folder}/pagefold.sock.control" (ENOENT)`);
  });

  it("says where it looked when there is none, and what to do", async () => {
    const path = join(scratchOfTest(), "none");
    expect(await pagefold("stat", "--socket", path)).toEqual({
      code: 1,
      stdout: "",
      stderr: `pagefold: no server listens at "${path}.control" (ENOENT); start one with pagefold serve, or say where it is with --socket or --port\n`,
    });
  });

  it.each([
    { args: "--socket x --port 1", says: "--socket and --port exclude each other" },
    { args: "--port 0", says: '--port cannot be "0": give a port, a whole number from 1 to 65535' },
    { args: "--nope", says: "unknown option '--nope'; see pagefold stat --help" },
  ])("refuses $args, and exits with 2", async ({ args, says }) => {
    const { code, stderr } = await pagefold("stat", ...args.split(" "));
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });

  const reason = process.getuid?.() === 0 ? whyNotUnprivileged() : "we are nobody else but us";
  it.skipIf(reason !== "")(
    `is for who started the server${reason && ` (skipped: ${reason})`}`,
    async () => {
      const args = ["stat", "--socket", served.socketPath];
      const { code, stderr } = await finished(start(args, unprivileged()));
      expect(code).toBe(1);
      expect(stderr).toMatch(/".*socket.control" may only be used by who started the server\n$/);
    },
  );
});
