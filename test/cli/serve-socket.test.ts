/** Where `serve` listens: whose the sockets are, what stands in their way, and what is never removed. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { keep, type ServeOptions, scratchOfTest, serve, serveInVain } from "../support/served.ts";

const SIZE = "--size=1M";
const ELSEWHERE: ServeOptions = { at: "arguments" };
const FORCE: readonly { readonly name: string; readonly force: readonly string[] }[] = [
  { name: "", force: [] },
  { name: ", also with --force", force: ["--force"] },
];
/** Of a socket: nobody but the owner reads or writes. */
const PRIVATE_SOCKET = 0o140600;

/** A socket whose server has died without removing it. */
async function deadSocket(path: string): Promise<void> {
  const program = `require("node:net").createServer().listen(process.argv[1], () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", program, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { end } = keep(child);
  onTestFinished(() => end("SIGKILL"));
  await once(child.stdout, "data");
  await end("SIGKILL");
  expect(lstatSync(path).isSocket()).toBe(true);
}

const at = (path: string) => [SIZE, `--socket=${path}`];
const modeOf = (path: string) => statSync(path).mode;

describe("serve --socket", () => {
  it("makes sockets that are the owner's alone, and removes them at the end", async () => {
    const served = await serve([SIZE]);
    expect(readdirSync(served.folder).sort()).toEqual(["socket", "socket.control"]);
    expect(modeOf(served.socketPath)).toBe(PRIVATE_SOCKET);
    expect(modeOf(`${served.socketPath}.control`)).toBe(PRIVATE_SOCKET);
    expect((await served.end()).code).toBe(0);
    expect(readdirSync(served.folder)).toEqual([]);
  });

  it("makes the default socket where XDG_RUNTIME_DIR says", async () => {
    const served = await serve([SIZE], ELSEWHERE);
    expect(served.uri).toBe(`nbd+unix:///?socket=${join(served.folder, "pagefold.sock")}`);
    expect(modeOf(join(served.folder, "pagefold.sock"))).toBe(PRIVATE_SOCKET);
  });

  it("makes a private folder for it where there is none, among the temporary files", async () => {
    const folder = scratchOfTest();
    const env = { XDG_RUNTIME_DIR: "", TMPDIR: folder };
    const served = await serve([SIZE], { ...ELSEWHERE, spawn: { env } });
    const [own = ""] = readdirSync(folder).filter((name) => name.startsWith("pagefold-"));
    expect(served.uri).toBe(`nbd+unix:///?socket=${join(folder, own, "pagefold.sock")}`);
    expect(modeOf(join(folder, own))).toBe(0o40700);
  });

  it("refuses a folder for it that others may write to", async () => {
    const folder = scratchOfTest();
    const own = join(folder, `pagefold-${process.getuid?.()}`);
    mkdirSync(own);
    const env = { XDG_RUNTIME_DIR: "", TMPDIR: folder };
    chmodSync(own, 0o777);
    const { code, stderr } = await serveInVain([SIZE], { ...ELSEWHERE, spawn: { env } });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /is not a folder that only this user may write to; say --socket, or set/,
    );
  });

  it.each(FORCE)("leaves a live server's socket alone$name", async ({ force }) => {
    const first = await serve([SIZE]);
    const { code, stderr } = await serveInVain([...at(first.socketPath), ...force], ELSEWHERE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/a server listens at ".*socket" already; stop it, or choose another/);
    expect((await first.status()).server.pid).toBe(first.pid);
  });

  it("leaves a dead server's socket alone, and says what replaces it", async () => {
    const path = join(scratchOfTest(), "dead");
    await deadSocket(path);
    const { code, stderr } = await serveInVain(at(path), ELSEWHERE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/".*dead" is there, and no server listens at it; .*--force replaces it/);
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it("replaces a dead server's sockets with --force", async () => {
    const path = join(scratchOfTest(), "dead");
    await deadSocket(path);
    await deadSocket(`${path}.control`);
    const served = await serve([...at(path), "--force"], ELSEWHERE);
    expect(modeOf(path)).toBe(PRIVATE_SOCKET);
    expect(served.uri).toBe(`nbd+unix:///?socket=${path}`);
  });

  it.each(FORCE)("never removes an ordinary file$name", async ({ force }) => {
    const path = join(scratchOfTest(), "file");
    writeFileSync(path, "mine");
    const { code, stderr } = await serveInVain([...at(path), ...force], ELSEWHERE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/".*file" is there, and not a socket one may use .*; choose another/);
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  it("never removes a file where its control socket would be, nor leaves its own", async () => {
    const path = join(scratchOfTest(), "socket");
    writeFileSync(`${path}.control`, "mine");
    const { code, stderr } = await serveInVain([...at(path), "--force"], ELSEWHERE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/".*socket.control" is there, and not a socket one may use/);
    expect(readFileSync(`${path}.control`, "utf8")).toBe("mine");
    expect(() => lstatSync(path)).toThrow(/ENOENT/);
  });

  it.each(["folder", "link"])("never removes a %s", async (kind) => {
    const folder = scratchOfTest();
    const path = join(folder, "place");
    if (kind === "folder") mkdirSync(path);
    else {
      await deadSocket(join(folder, "dead"));
      symlinkSync(join(folder, "dead"), path);
    }
    expect((await serveInVain([...at(path), "--force"], ELSEWHERE)).code).toBe(1);
    expect(lstatSync(path).isSocket()).toBe(false);
    expect(readdirSync(folder)).toContain("place");
  });
});

describe("serve --listen", () => {
  it("says which port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => {
      other.close();
    });
    await once(other, "listening");
    const { port } = other.address() as { readonly port: number };
    const ended = await serveInVain([SIZE, `--listen=127.0.0.1:${port}`], ELSEWHERE);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toBe(
      `pagefold: port ${port} of 127.0.0.1 is taken; choose another one, or 0 for any that is free\n`,
    );
  });

  it("has its control socket where stat --port looks for it, private too", async () => {
    const served = await serve([SIZE, "--listen=127.0.0.1:0"], ELSEWHERE);
    const control = join(served.folder, `pagefold-${served.port}.sock.control`);
    expect(modeOf(control)).toBe(PRIVATE_SOCKET);
    await served.end();
    expect(readdirSync(served.folder)).toEqual([]);
  });

  it("lets others in, if --insecure is said", async () => {
    const served = await serve([SIZE, "--listen=0.0.0.0:0", "--insecure"], ELSEWHERE);
    expect(served.uri).toMatch(/^nbd:\/\/localhost:\d+\/$/);
  });
});
