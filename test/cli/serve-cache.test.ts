/** `serve --cache-of` and `stat` of it, as users type them: end to end over NBD. */

import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { NbdClient } from "../../src/nbd/client/client.ts";
import type { ServerStatus } from "../../src/report/result.ts";
import { fixturePages } from "../support/fixtures.ts";
import { differenceOf } from "../support/pages.ts";
import { type Served, scratchOfTest, serve, serveInVain } from "../support/served.ts";
import { pagefold } from "./pagefold.ts";

const MIB = 2 ** 20;
/** No whole number of pages. */
const content = () => Uint8Array.from(fixturePages("guest-a-node").subarray(0, 8 * MIB + 1700));

function diskOf(bytes: Uint8Array): string {
  const path = join(scratchOfTest(), "disk.img");
  writeFileSync(path, bytes);
  return path;
}

async function connect(served: Served): Promise<NbdClient> {
  const client = await NbdClient.connect(served.uri);
  onTestFinished(() => client.disconnect());
  return client;
}

describe("serve --cache-of", () => {
  it("serves the file's bytes, and has in it what was flushed", async () => {
    const expected = content();
    const path = diskOf(expected);
    const served = await serve(["--cache-of", path, "--memory-limit", "2M"]);
    const client = await connect(served);
    expect(client.info.sizeBytes).toBe(expected.length);
    const found = new Uint8Array(expected.length);
    await client.read(0, found);
    expect(differenceOf(found, expected)).toBeNull();
    expected.fill(0x5a, 5000, 3 * MIB);
    await client.write(5000, expected.slice(5000, 3 * MIB));
    await client.flush();
    expect(differenceOf(readFileSync(path), expected)).toBeNull();
  });

  it("has with FUA in the file what is answered, in both modes", async () => {
    for (const mode of ["write-back", "write-through"]) {
      const expected = content();
      const path = diskOf(expected);
      const client = await connect(await serve(["--cache-of", path, "--cache-mode", mode]));
      expected.fill(0x11, 100, 9000);
      await client.write(100, expected.slice(100, 9000), { fua: true });
      expect(differenceOf(readFileSync(path), expected)).toBeNull();
      expected.fill(0, 20_000, 2 * MIB);
      await client.writeZeroes(20_000, 2 * MIB - 20_000, { fua: true });
      expect(differenceOf(readFileSync(path), expected)).toBeNull();
    }
  });

  it("offers what it can do, and no more", async () => {
    const client = await connect(await serve(["--cache-of", diskOf(content())]));
    const { canFlush, canFua, canWriteZeroes, canMultiConn, canTrim, canFastZero, isReadOnly } =
      client.info;
    expect({ canFlush, canFua, canWriteZeroes, canMultiConn }).toEqual({
      canFlush: true,
      canFua: true,
      canWriteZeroes: true,
      canMultiConn: true,
    });
    expect({ canTrim, canFastZero, isReadOnly }).toEqual({
      canTrim: false,
      canFastZero: false,
      isReadOnly: false,
    });
  });

  it("makes durable with a flush what another connection wrote", async () => {
    const path = diskOf(content());
    const served = await serve(["--cache-of", path]);
    const [writer, flusher] = [await connect(served), await connect(served)];
    await writer.write(4096, new Uint8Array(4096).fill(7));
    await flusher.flush();
    expect(
      readFileSync(path)
        .subarray(4096, 8192)
        .every((byte) => byte === 7),
    ).toBe(true);
  });

  it("flushes at SIGTERM", async () => {
    const expected = content();
    const path = diskOf(expected);
    const served = await serve(["--cache-of", path]);
    const client = await connect(served);
    expected.fill(9, 0, MIB);
    await client.write(0, expected.slice(0, MIB));
    await client.disconnect();
    const { code } = await served.end();
    expect(code).toBe(0);
    expect(differenceOf(readFileSync(path), expected)).toBeNull();
  });

  it("says what is lost, and exits with 1, where it cannot flush at the end", async () => {
    const path = diskOf(content());
    const served = await serve(["--cache-of", path]);
    const client = await connect(served);
    await client.write(4 * MIB, new Uint8Array(8192).fill(7));
    truncateSync(path, MIB);
    await expect(client.flush()).rejects.toMatchObject({ errno: "EIO" });
    await client.disconnect();
    const { code, stderr } = await served.end();
    expect(code).toBe(1);
    expect(stderr).toMatch(/8192 bytes \(8\.0 KiB\) that clients wrote are LOST/);
    expect(stderr.match(/made shorter underneath/g)?.length).toBe(1);
  });

  it("goes on with a file that grew underneath, and says so once", async () => {
    const expected = content();
    const path = diskOf(expected);
    const served = await serve(["--cache-of", path]);
    const client = await connect(served);
    truncateSync(path, 16 * MIB);
    for (let round = 0; round < 2; round++) {
      await client.write(0, new Uint8Array(4096).fill(round));
      await client.flush();
    }
    expect(client.info.sizeBytes).toBe(expected.length);
    await client.disconnect();
    const { code, stderr } = await served.end();
    expect(code).toBe(0);
    expect(stderr.match(/has grown underneath, 16777216 bytes instead of 8390308/g)?.length).toBe(
      1,
    );
  });

  it("tells clients that the disk fails, and not which one it is", async () => {
    const path = diskOf(content());
    const client = await connect(await serve(["--cache-of", path]));
    truncateSync(path, MIB);
    const failure = await client.read(4 * MIB, new Uint8Array(4096)).catch((cause) => cause);
    expect(failure).toMatchObject({ errno: "EIO" });
    expect(String(failure)).not.toContain("disk.img");
  });

  it("locks the file, against a second server too", async () => {
    const path = diskOf(content());
    await serve(["--cache-of", path]);
    const { code, stderr } = await serveInVain(["--cache-of", path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/in use by process \d+/);
  });

  it("keeps cold pages on an overflow log", async () => {
    const expected = content();
    const args = ["--cache-of", diskOf(expected), "--memory-limit=1M", "--overflow-size=8M"];
    const served = await serve((folder) => [...args, `--overflow=${join(folder, "cache.log")}`]);
    const client = await connect(served);
    const found = new Uint8Array(expected.length);
    for (let round = 0; round < 2; round++) {
      await client.read(0, found);
      expect(differenceOf(found, expected)).toBeNull();
    }
    const { store, overflow } = await served.status();
    expect(store.bd_count).toBeGreaterThan(100);
    expect(overflow?.written_back).toBeGreaterThan(100);
  });

  it("refuses to forget its contents, which are the file's", async () => {
    const served = await serve(["--cache-of", diskOf(content())]);
    const { code, stderr } = await pagefold("ctl", "reset", "", "--socket", served.socketPath);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is a cache of .*disk\.img/);
  });
});

describe("stat of a cache", () => {
  it("shows hits, dirty bytes and saved reads and writes", async () => {
    const served = await serve(["--cache-of", diskOf(content())]);
    const client = await connect(served);
    for (let round = 0; round < 4; round++) await client.read(0, new Uint8Array(MIB));
    for (let round = 0; round < 3; round++) await client.write(0, new Uint8Array(8192).fill(round));
    const { code, stdout } = await pagefold("stat", "--socket", served.socketPath);
    expect(code).toBe(0);
    expect(stdout).toMatch(/The cache {2}\S*disk\.img, 8\.0 MiB, write-back/);
    expect(stdout).toMatch(/hit ratio\s+7\d\.\d %\s+of 1,024 pages read/);
    expect(stdout).toMatch(/dirty_bytes\s+[\d.]+ K?i?B\s+written and not in the origin yet/);
    expect(stdout).toMatch(/reads saved\s+\d\.\d MiB/);
    expect(stdout).toMatch(/writes saved\s+[\d.]+ KiB/);
    const json = await pagefold("stat", "--json", "--socket", served.socketPath);
    const { cache, exports } = (JSON.parse(json.stdout) as { results: ServerStatus }).results;
    expect(cache?.read_pages).toBe(1024);
    expect(cache?.hit_pages).toBeGreaterThanOrEqual(768);
    expect(exports[0]?.size_bytes).toBe(8 * MIB + 1700);
  });
});

describe("serve --cache-of is refused", () => {
  it("with exit code 1 where the file is missing", async () => {
    const { code, stderr } = await serveInVain((folder) => ["--cache-of", join(folder, "none")]);
    expect(stderr).toMatch(/none cannot be opened: there is no such file; check the path/);
    expect(code).toBe(1);
  });

  it.each([
    { args: ["/"], says: /is a directory: name a file or a block device/ },
    { args: ["/dev/null"], says: /neither a regular file nor a block device: name a file/ },
    { args: [import.meta.filename, "--size", "1G"], says: /has \d+ bytes .* 1073741824 of it/ },
    { args: [import.meta.filename, "--export", "a=1M"], says: /leave --export out/ },
    { args: [import.meta.filename, "--memory-limit", "1K"], says: /1024 bytes is too little/ },
  ])("with exit code 2: --cache-of $args", async ({ args, says }) => {
    const { code, stderr } = await serveInVain(["--cache-of", ...args]);
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });
});
