/** `serve` from its start to its end: what it prints, its options, the command it runs. */

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { numberedPage, randomPage } from "../support/pages.ts";
import { launchServed, type Served, serve } from "../support/served.ts";

const SIZE = "--size=1M";

async function connect({ uri }: Served): Promise<NbdClient> {
  const client = await NbdClient.connect(uri);
  onTestFinished(() => client.disconnect());
  return client;
}

/** Runs a server with --run to its end. */
async function runOut(...args: readonly string[]) {
  const served = launchServed([SIZE, ...args]);
  onTestFinished(() => served.stop());
  return served.finished;
}

describe("serve", () => {
  it("prints one line when clients can connect, its statistics at the end, and exits with 0", async () => {
    const served = await serve(["--export=guest a=1M", "--export=b=2M"]);
    expect(served.stdout).toBe(`ready nbd+unix:///guest%20a?socket=${served.socketPath}\n`);
    const client = await connect(served);
    await client.write(0, numberedPage(1));
    await client.disconnect();
    const { code, stdout, stderr } = await served.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const rest = stdout.slice(stdout.indexOf("\n") + 1);
    expect(rest).toMatch(/At the end\n.*0 clients, up \d+ s, codec lz4/);
    expect(rest).toMatch(/guest a +1\.0 MiB +4\.0 KiB +0 +0 +1 +0 +0\n/);
    expect(rest).toContain("The identity holds: 0 bytes of difference.");
  });

  it("prints them as one JSON object, and ready to standard error, with --json", async () => {
    const served = await serve([SIZE, "--json", "--codec=zstd:5", "--recompress=deflate"]);
    const { code, stdout, stderr } = await served.end("SIGINT");
    expect({ code, stderr }).toEqual({ code: 0, stderr: `ready ${served.uri}\n` });
    const { schema, command, results } = JSON.parse(stdout);
    expect({ schema, command }).toEqual({ schema: 1, command: "serve" });
    expect(results).toMatchObject({
      server: { codec: "zstd:5", recompress: [expect.stringMatching(/^deflate/)] },
      identity_difference: 0,
      exports: [{ name: "", size_bytes: 2 ** 20, orig_data_size: 0 }],
    });
  });

  it("has its process id in --pid-file while clients can connect", async () => {
    const served = await serve((folder) => [SIZE, "--pid-file", join(folder, "pid")]);
    const path = join(served.folder, "pid");
    expect(readFileSync(path, "utf8")).toBe(`${served.pid}\n`);
    await served.end();
    expect(existsSync(path)).toBe(false);
  });

  it("takes codec, dedup, limits and reserve as told", async () => {
    const options = ["--codec=lz4-fast", "--no-dedup", "--memory-limit=8M", "--reserve=16M"];
    const served = await serve([...options, "--export=a=4M,limit=64K", "--export=b=4M"]);
    const client = await connect(served);
    await client.write(0, numberedPage(7));
    await client.write(4096, numberedPage(7));
    const { server, store, exports } = await served.status();
    expect(server.codec).toBe("lz4-fast");
    expect(store).toMatchObject({ dup_pages: 0, objects: 2, mem_limit: 2 ** 23 });
    expect(store.memory_reserved).toBeGreaterThanOrEqual(2 ** 24);
    expect(exports.map(({ limit_bytes }) => limit_bytes)).toEqual([2 ** 16, 2 ** 22]);
  });

  it("answers ENOSPC at an export's limit, and serves on", async () => {
    const served = await serve(["--export=a=4M,limit=64K"]);
    const client = await connect(served);
    const page = randomPage(new SeededRandom(1));
    const writes = Array.from({ length: 17 }, async (_, index) => {
      page[0] = index;
      await client.write(index * 4096, page.slice());
    });
    const results = await Promise.allSettled(writes);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(16);
    expect(results[16]).toMatchObject({ reason: { code: "NO_SPACE" } });
    const target = new Uint8Array(4096);
    await client.read(15 * 4096, target);
    expect(target[0]).toBe(15);
  });

  it("shares pages within a domain, and not between two", async () => {
    const domains = ["--export=a=1M,domain=x", "--export=b=1M,domain=x", "--export=c=1M,domain=y"];
    const served = await serve(domains);
    for (const name of ["a", "b", "c"]) {
      const client = await NbdClient.connect(served.uriOf(name));
      await client.write(0, numberedPage(3));
      await client.disconnect();
    }
    expect((await served.status()).store).toMatchObject({ dup_pages: 1, objects: 2 });
  });

  it("offers an export that is read-only as one, which can be read", async () => {
    const served = await serve([SIZE, "--read-only"]);
    const client = await connect(served);
    expect(client.info.isReadOnly).toBe(true);
    await client.read(0, new Uint8Array(4096));
  });

  it("records what clients do, and says so", async () => {
    const served = await serve((folder) => [SIZE, "--record", join(folder, "trace")]);
    const client = await connect(served);
    await client.write(0, numberedPage(1));
    await client.disconnect();
    const { code, stdout } = await served.end();
    expect(code).toBe(0);
    expect(stdout).toContain(`recording to ${join(served.folder, "trace")}`);
    expect(readFileSync(join(served.folder, "trace")).length).toBeGreaterThan(100);
  });

  it("logs a client that sends garbage once, with its address and without a stack", async () => {
    const served = await serve([SIZE, "--listen=127.0.0.1:0"], { at: "arguments" });
    const socket = dial(served.port, "127.0.0.1");
    onTestFinished(() => {
      socket.destroy();
    });
    socket.end("GET / HTTP/1.1\r\n\r\n");
    await served.says(/sent the unknown flags 0x47455420\n/);
    await connect(served);
    const { stderr } = await served.end();
    expect(stderr).toMatch(
      /^pagefold: client 1 \(127\.0\.0\.1 port \d+\): sent the unknown flags 0x47455420\n$/,
    );
  });

  it("goes on when nobody reads its log any more", async () => {
    const served = await serve([SIZE]);
    served.child.stderr!.destroy();
    for (let round = 0; round < 2; round++) {
      const socket = dial(served.socketPath).end("GET / HTTP/1.1\r\n\r\n");
      socket.on("error", () => {}).resume();
      await once(socket, "close");
    }
    await connect(served);
    expect((await served.end()).code).toBe(0);
  });
});

describe("serve --run", () => {
  it("runs a command with $uri and $socket set, and ends when it does, with its exit code", async () => {
    const { code, stdout } = await runOut("--run", 'echo "u=$uri s=$socket p=$port"; exit 7');
    expect(code).toBe(7);
    const [, uri, socket] = /^u=(\S+) s=(\S+) p=$/m.exec(stdout) ?? [];
    expect(uri).toBe(`nbd+unix:///?socket=${socket}`);
    expect(stdout).toContain("At the end");
  });

  it("sets $port where it listens at one", async () => {
    const served = launchServed(
      [SIZE, "--listen=127.0.0.1:0", "--run", 'echo "$uri $port,$socket"'],
      {
        at: "arguments",
      },
    );
    onTestFinished(() => served.stop());
    const { code, stdout } = await served.finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^nbd:\/\/127\.0\.0\.1:(\d+)\/ \1,$/m);
  });

  it("gives a command that a signal ended the code that a shell would", async () => {
    expect((await runOut("--run", "kill -KILL $$")).code).toBe(137);
  });

  it("says of a command that is not there what the shell says", async () => {
    const { code, stderr } = await runOut("--run", "pagefold-no-such-command");
    expect(code).toBe(127);
    expect(stderr).toMatch(/pagefold-no-such-command.*not found/);
  });

  it("serves the command all the while", async () => {
    const client = `
      const { NbdClient } = await import("./src/nbd/client/client.ts");
      const client = await NbdClient.connect(process.env.uri);
      await client.write(0, Buffer.alloc(8192, "x"));
      await client.disconnect();`;
    const command = `"${process.execPath}" --import tsx --input-type=module -e '${client}'`;
    const { code, stdout } = await runOut("--json", "--run", command);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).results.exports[0].orig_data_size).toBe(8192);
  });
});
