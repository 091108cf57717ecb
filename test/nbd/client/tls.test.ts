/** The client's TLS against nbdkit's (GnuTLS): certificates and keys, right ones and wrong ones. */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import {
  type ForeignServer,
  freePort,
  missing,
  run,
  startNbdkit,
} from "../../support/foreign-nbd.ts";
import { expectRejection, type Refusal } from "../../support/refusals.ts";

let folder = "";
let uriOf: (parameters: string) => string;
let server: ForeignServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function serve(...args: readonly string[]): Promise<void> {
  server = await startNbdkit([...args, "memory", "1M"]);
  const { socketPath } = server;
  uriOf = (parameters) => `nbds+unix:///?socket=${socketPath}${parameters}`;
}

/** Writes and reads through a connection. */
async function use(uri: string): Promise<NbdClient["info"]> {
  const client = await NbdClient.connect(uri);
  const source = Buffer.alloc(300_000, "through TLS");
  const target = Buffer.alloc(source.length);
  await client.write(5, source);
  await client.read(5, target);
  await client.disconnect();
  expect(source.equals(target)).toBe(true);
  return client.info;
}

const refused = (...says: readonly string[]): Refusal => ({
  code: "NOT_PERMITTED",
  errno: "EPERM",
  says,
});

const noNbdkit = missing("nbdkit", "openssl");

describe.skipIf(noNbdkit !== "")(`NbdClient over TLS${noNbdkit && ` (${noNbdkit})`}`, () => {
  const file = (...names: readonly string[]) => join(folder, ...names);

  /**
   * A folder as GnuTLS's programs want it: an authority, and a certificate by it for a server of `name` and a client.
   */
  function makeCertificates(place: string, name: string): void {
    mkdirSync(file(place));
    const make = (...args: readonly string[]) => run("openssl", ...args);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    make(
      "req",
      "-x509",
      "-days",
      "9",
      "-subj",
      "/CN=authority",
      ...key,
      "-keyout",
      file(place, "ca-key.pem"),
      "-out",
      file(place, "ca-cert.pem"),
    );
    for (const side of ["server", "client"]) {
      const request = file(place, `${side}.csr`);
      writeFileSync(file(place, "names"), `subjectAltName=DNS:${name}`);
      make(
        "req",
        "-subj",
        `/CN=${name}`,
        ...key,
        "-keyout",
        file(place, `${side}-key.pem`),
        "-out",
        request,
      );
      make(
        "x509",
        "-req",
        "-days",
        "9",
        "-in",
        request,
        "-CA",
        file(place, "ca-cert.pem"),
        "-CAkey",
        file(place, "ca-key.pem"),
        "-CAcreateserial",
        "-extfile",
        file(place, "names"),
        "-out",
        file(place, `${side}-cert.pem`),
      );
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pagefold-tls-"));
    makeCertificates("right", "localhost");
    makeCertificates("wrong", "localhost");
    mkdirSync(file("authority-only"));
    copyFileSync(file("right", "ca-cert.pem"), file("authority-only", "ca-cert.pem"));
    writeFileSync(
      file("keys.psk"),
      "# of the test\nalice:00112233445566778899aabbccddeeff\nbob:ffeeddcc\n",
    );
    writeFileSync(file("only.psk"), "alice:00112233445566778899aabbccddeeff\n");
    writeFileSync(file("wrong.psk"), "alice:ff112233445566778899aabbccddeeff\n");
    writeFileSync(file("no-hex.psk"), "alice:0011223\n");
  });

  afterAll(() => rm(folder, { recursive: true }));

  const certificates = (name: string) => `&tls-certificates=${file(name)}`;
  const psk = (name: string) => `&tls-psk-file=${file(name)}`;

  it("checks the server by its certificate", async () => {
    await serve("--tls=require", `--tls-certificates=${file("right")}`);
    expect((await use(uriOf(certificates("authority-only")))).isEncrypted).toBe(true);
  });

  it("checks that the certificate is for the host it connects to", async () => {
    const port = await freePort();
    await serve(
      "-p",
      `${port}`,
      "-i",
      "127.0.0.1",
      "--tls=require",
      `--tls-certificates=${file("right")}`,
    );
    await use(`nbds://localhost:${port}/?tls-certificates=${file("right")}`);
    const byAddress = `nbds://127.0.0.1:${port}/?tls-certificates=${file("right")}`;
    await expectRejection(() => NbdClient.connect(byAddress), refused("IP"));
  });

  it("shows its own certificate where the server wants one", async () => {
    await serve("--tls=require", "--tls-verify-peer", `--tls-certificates=${file("right")}`);
    await use(uriOf(certificates("right")));
    const connecting = () => NbdClient.connect(uriOf(certificates("authority-only")));
    await expectRejection(connecting, refused("TLS with", "check the certificates"));
  });

  it("refuses a server of another authority", async () => {
    await serve("--tls=require", `--tls-certificates=${file("wrong")}`);
    const connecting = () => NbdClient.connect(uriOf(certificates("right")));
    await expectRejection(connecting, refused("TLS with", "certificate"));
  });

  it("refuses a server whose authority nobody named", async () => {
    await serve("--tls=require", `--tls-certificates=${file("right")}`);
    await expectRejection(() => NbdClient.connect(uriOf("")), refused("TLS with", "certificate"));
  });

  it("takes any server if told so", async () => {
    await serve("--tls=require", `--tls-certificates=${file("wrong")}`);
    await use(uriOf(`${certificates("right")}&tls-verify-peer=0`));
  });

  it("checks the name it is told to", async () => {
    await serve("--tls=require", `--tls-certificates=${file("right")}`);
    await use(uriOf(`${certificates("right")}&tls-hostname=localhost`));
    const connecting = () =>
      NbdClient.connect(uriOf(`${certificates("right")}&tls-hostname=other.example`));
    await expectRejection(connecting, refused("other.example"));
  });

  it("knows a server by a shared key", async () => {
    await serve("--tls=require", `--tls-psk=${file("keys.psk")}`);
    expect((await use(uriOf(psk("only.psk")))).isEncrypted).toBe(true);
    await use(uriOf(psk("keys.psk")).replace("///", "//bob@/"));
  });

  it("refuses a server that has another key", async () => {
    await serve("--tls=require", `--tls-psk=${file("wrong.psk")}`);
    await expectRejection(() => NbdClient.connect(uriOf(psk("only.psk"))), refused("TLS with"));
  });

  it("says whose key is missing", async () => {
    await serve("--tls=require", `--tls-psk=${file("keys.psk")}`);
    const connecting = (user: string) => () =>
      NbdClient.connect(uriOf(psk("keys.psk")).replace("///", `//${user}/`));
    const invalid = { code: "INVALID_ARGUMENT", errno: "EINVAL" };
    await expectRejection(connecting("carol@"), { ...invalid, says: ["keys.psk", '"carol"'] });
    await expectRejection(connecting(""), { ...invalid, says: [`"${userInfo().username}"`] });
  });

  it("says that a key is not in hexadecimal", async () => {
    await serve("--tls=require", `--tls-psk=${file("keys.psk")}`);
    await expectRejection(() => NbdClient.connect(uriOf(psk("no-hex.psk"))), {
      code: "INVALID_ARGUMENT",
      errno: "EINVAL",
      says: ["no-hex.psk", "hexadecimal"],
    });
  });

  it.each([
    ["tls-certificates", "ca-cert.pem"],
    ["tls-psk-file", "nowhere"],
  ])("says which file of %s is not there", async (parameter, says) => {
    await serve("--tls=require", `--tls-psk=${file("keys.psk")}`);
    const uri = uriOf(`&${parameter}=${file("nowhere")}`);
    const notFound = { code: "NOT_FOUND", errno: "ENOENT", says: [says] };
    await expectRejection(() => NbdClient.connect(uri), notFound);
  });

  it("is told by a server that wants it", async () => {
    await serve("--tls=require", `--tls-psk=${file("keys.psk")}`);
    const plain = uriOf("").replace("nbds", "nbd");
    await expectRejection(() => NbdClient.connect(plain), refused("wants TLS", "nbds+unix:"));
  });

  it("lists exports", async () => {
    await serve("--tls=require", `--tls-psk=${file("only.psk")}`);
    const listed = await NbdClient.listExports(uriOf(psk("only.psk")));
    expect(listed.map(({ name }) => name)).toEqual([""]);
  });
});
