/** TLS with certificates: who has to show one, whose are trusted, over a port whose name the certificate carries. */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { makeAuthority, makeCertificate } from "../../support/keys.ts";
import { testSeed } from "../../support/seed.ts";
import { makeScratch, type Served, serve, serveForAll } from "../../support/served.ts";
import { expectSameFile } from "./image.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("TLS with certificates", "openssl", "nbdinfo", "nbdcopy");
const reference = judge("nbd-client -l over TLS", "openssl", "nbd-client");

/** Folders as libnbd's tls-certificates takes them. */
interface Pki {
  /** The authority, a server's and a client's certificate. */
  readonly ours: string;
  /** The authority alone. */
  readonly bare: string;
  /** A client's certificate that another authority signed, and ours to check the server by. */
  readonly foreign: string;
  /** Another authority. */
  readonly other: string;
}

let pki: Pki;
let served: Served;

function makePki(folder: string): Pki {
  const [ours, bare, foreign, other] = ["ours", "bare", "foreign", "other"].map((name) => {
    const path = join(folder, name);
    mkdirSync(path);
    return path;
  }) as [string, string, string, string];
  makeAuthority(ours);
  makeCertificate(ours, "server");
  makeCertificate(ours, "client");
  makeAuthority(other);
  makeCertificate(other, "client", foreign);
  for (const path of [bare, foreign])
    copyFileSync(join(ours, "ca-cert.pem"), join(path, "ca-cert.pem"));
  return { ours, bare, foreign, other };
}

const serverArgs = () => [
  ...["--tls-cert", join(pki.ours, "server-cert.pem")],
  ...["--tls-key", join(pki.ours, "server-key.pem")],
];

const uriOf = ({ port }: Served, folder: string) =>
  `nbds://localhost:${port}/?tls-certificates=${folder}`;

describe.skipIf(isAbsent && reference.isAbsent)("TLS", () => {
  beforeAll(async () => {
    const scratch = makeScratch();
    pki = makePki(scratch.folder);
    const ca = ["--tls-ca", join(pki.ours, "ca-cert.pem")];
    const args = ["--size=8M", "--export=b=1M", ...serverArgs(), ...ca, "--listen=localhost:0"];
    served = await serveForAll(args, { at: "arguments" });
    return async () => {
      await served.stop();
      scratch.remove();
    };
  });

  describe.skipIf(isAbsent)(title, () => {
    it("lets in a client with a certificate of the authority, encrypted", async () => {
      expect(served.uri).toBe(`nbds://localhost:${served.port}/`);
      expect((await run("nbdinfo", ["--is", "tls", uriOf(served, pki.ours)])).code).toBe(0);
    });

    it("carries everything both ways over two connections", async () => {
      const path = join(served.folder, "noise");
      const noise = Buffer.alloc(2 ** 23);
      new SeededRandom(testSeed(title)).fill(noise);
      writeFileSync(path, noise);
      const wide = ["--connections=2", "--requests=16"];
      await succeed("nbdcopy", [...wide, path, uriOf(served, pki.ours)]);
      await succeed("nbdcopy", [...wide, uriOf(served, pki.ours), `${path}.out`]);
      expectSameFile(`${path}.out`, path);
    });

    it.each([
      { name: "no certificate", folder: "bare" as const },
      { name: "one of another authority", folder: "foreign" as const },
    ])("does not let in a client with $name, says so once and lives on", async ({ folder }) => {
      const before = served.stderr.length;
      const said = () => served.stderr.slice(before);
      const { code, stderr } = await run("nbdinfo", [uriOf(served, pki[folder])]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/TLS|gnutls/);
      await served.until(() => /\n$/.exec(said()));
      expect(said()).toMatch(
        /^pagefold: client \d+ \(\S+ port \d+\): was not let in by TLS: .*certificate.*\n$/,
      );
      expect((await run("nbdinfo", [uriOf(served, pki.ours)])).code).toBe(0);
    });

    it("is left by a client that trusts another authority, and lives on", async () => {
      const { code, stderr } = await run("nbdinfo", [uriOf(served, pki.other)]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/certificate/);
      expect((await run("nbdinfo", [uriOf(served, pki.ours)])).code).toBe(0);
    });

    it("tells a client without TLS that it wants it", async () => {
      const env = { LIBNBD_DEBUG: "1" };
      const { code, stderr } = await run("nbdinfo", [`nbd://localhost:${served.port}/`], { env });
      expect(code).toBe(1);
      expect(stderr).toContain("this server wants TLS first");
    });

    it("asks for no certificate without --tls-ca, nor for TLS with --tls on", async () => {
      const open = await serve(["--size=1M", ...serverArgs(), "--tls=on", "--listen=localhost:0"], {
        at: "arguments",
      });
      expect((await run("nbdinfo", ["--is", "tls", uriOf(open, pki.bare)])).code).toBe(0);
      expect((await run("nbdinfo", ["--is", "tls", open.uri])).code).toBe(2);
    });
  });

  describe.skipIf(reference.isAbsent)(reference.title, () => {
    it("lists the exports", async () => {
      const files = [
        ...["-cacertfile", join(pki.ours, "ca-cert.pem")],
        ...["-certfile", join(pki.ours, "client-cert.pem")],
        ...["-keyfile", join(pki.ours, "client-key.pem")],
      ];
      const port = String(served.port);
      const args = ["-l", "localhost", port, "-enable-tls", "-tlshostname", "localhost", ...files];
      expect(await succeed("nbd-client", args)).toMatch(/\n\nb\n$/);
    });
  });
});
