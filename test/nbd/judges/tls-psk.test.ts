/** TLS with keys shared beforehand: gnutls, through libnbd and qemu, on the other side of our handshake. */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { makePskFile } from "../../support/keys.ts";
import { testSeed } from "../../support/seed.ts";
import {
  makeScratch,
  type Scratch,
  type Served,
  serve,
  serveForAll,
} from "../../support/served.ts";
import { expectSameFile } from "./image.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge(
  "TLS with shared keys",
  "psktool",
  "nbdinfo",
  "nbdcopy",
  "qemu-img",
);

const DEBUG = { env: { LIBNBD_DEBUG: "1" } };

let keys: Scratch;
let keyFile = "";
let served: Served;

/** With the key of `user` in the file. */
const uriOf = ({ socketPath }: Served, user: string, file = keyFile) =>
  `nbds+unix://${user}@/?socket=${socketPath}&tls-psk-file=${file}`;
const plainUriOf = ({ socketPath }: Served) => `nbd+unix:///?socket=${socketPath}`;

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    keys = makeScratch();
    keyFile = makePskFile(join(keys.folder, "keys.psk"), ["alice", "bob"]);
    served = await serveForAll(["--size=8M", "--tls-psk", keyFile]);
    return async () => {
      await served.stop();
      keys.remove();
    };
  });

  it.each(["alice", "bob"])("lets %s in with the key on file, encrypted", async (user) => {
    expect((await run("nbdinfo", ["--is", "tls", uriOf(served, user)])).code).toBe(0);
  });

  it("has a first user whom ready names, so that a client can take its URI as it is", async () => {
    expect(await succeed("nbdinfo", ["--size", served.uri])).toBe(`${2 ** 23}\n`);
  });

  it("carries everything both ways over two connections", async () => {
    const path = join(served.folder, "noise");
    const noise = Buffer.alloc(2 ** 23);
    new SeededRandom(testSeed("TLS with shared keys")).fill(noise);
    writeFileSync(path, noise);
    const wide = ["--connections=2", "--requests=16"];
    await succeed("nbdcopy", [...wide, path, uriOf(served, "alice")]);
    await succeed("nbdcopy", [...wide, uriOf(served, "bob"), `${path}.out`]);
    expectSameFile(`${path}.out`, path);
  });

  it("lets qemu in", async () => {
    const folder = join(served.folder, "qemu");
    mkdirSync(folder);
    copyFileSync(keyFile, join(folder, "keys.psk"));
    const object = `tls-creds-psk,id=t,dir=${folder},endpoint=client,username=alice`;
    const server = `server.type=unix,server.path=${served.socketPath}`;
    const image = `driver=raw,file.driver=nbd,file.${server.replace(",", ",file.")},file.tls-creds=t`;
    const info = ["info", "--output=json", "--object", object, "--image-opts", image];
    expect(JSON.parse(await succeed("qemu-img", info))["virtual-size"]).toBe(2 ** 23);
  });

  it.each([
    { name: "another key of that name", user: "alice" },
    { name: "a name it has no key for", user: "mallory" },
  ])("does not let in who has $name, says so once and lives on", async ({ user }) => {
    const other = makePskFile(join(keys.folder, `other-${user}.psk`), [user]);
    const before = served.stderr.length;
    const said = () => served.stderr.slice(before);
    const { code, stderr } = await run("nbdinfo", [uriOf(served, user, other)]);
    expect(code).toBe(1);
    expect(stderr).toContain("TLS fatal alert");
    await served.until(() => /\n$/.exec(said()));
    expect(said()).toMatch(/^pagefold: client \d+: was not let in by TLS: .+\n$/);
    expect((await run("nbdinfo", [uriOf(served, "alice")])).code).toBe(0);
  });

  it("tells a client without TLS that it wants it, and no export's name", async () => {
    for (const args of [["--list"], ["--size"]]) {
      const { code, stdout, stderr } = await run("nbdinfo", [...args, plainUriOf(served)], DEBUG);
      expect(code).toBe(1);
      expect(stdout + stderr).toContain("this server wants TLS first");
    }
  });

  it("lets clients choose with --tls on", async () => {
    const both = await serve(["--size=1M", "--tls=on", "--tls-psk", keyFile]);
    expect(both.uri).toBe(plainUriOf(both));
    expect((await run("nbdinfo", ["--is", "tls", plainUriOf(both)])).code).toBe(2);
    expect((await run("nbdinfo", ["--is", "tls", uriOf(both, "alice")])).code).toBe(0);
  });

  it("tells a client that wants TLS where there is none", async () => {
    const plain = await serve(["--size=1M"]);
    const { code, stderr } = await run("nbdinfo", [uriOf(plain, "alice")], DEBUG);
    expect(code).toBe(1);
    expect(stderr).toContain("this server has no TLS");
  });
});
