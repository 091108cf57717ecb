/** NBD URIs: those of the specification, those libnbd's programs understand, and those that are none. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { formatNbdUri, type NbdAddress, parseNbdUri } from "../../src/nbd/uri.ts";
import { type ForeignServer, missing, startNbdkit } from "../support/foreign-nbd.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";
import { testSeed } from "../support/seed.ts";

describe("parseNbdUri", () => {
  it.each([
    ["nbd://example.com/disk", "disk"],
    ["nbd://example.com/", ""],
    ["nbd://example.com", ""],
    ["nbd://example.com//disk", "/disk"],
    ["nbd://example.com/hello%20world", "hello world"],
    ["nbd://example.com/../a/./b", "../a/./b"],
    ["nbd://example.com/a+b%2Bc", "a+b+c"],
  ])("takes the export's name from %s", (uri, exportName) => {
    expect(parseNbdUri(uri)).toEqual({ host: "example.com", port: 10_809, exportName });
  });

  it.each([
    ["nbd://localhost:1/", { host: "localhost", port: 1 }],
    ["nbd:///", { host: "localhost", port: 10_809 }],
    ["nbd://:1234/", { host: "localhost", port: 1234 }],
    ["NBD://192.0.2.1:65535", { host: "192.0.2.1", port: 65_535 }],
    ["nbd://[2001:db8::1]:10810/", { host: "2001:db8::1", port: 10_810 }],
    ["nbd://[::1]/", { host: "::1", port: 10_809 }],
    ["nbd://[fe80::1%25eth0]/", { host: "fe80::1%eth0", port: 10_809 }],
    ["nbd://somebody@example.com/", { host: "example.com", port: 10_809 }],
    ["nbd+unix:///?socket=/run/a.sock", { socketPath: "/run/a.sock" }],
    ["nbd+unix:///?socket=nbd.sock", { socketPath: "nbd.sock" }],
    ["nbd+unix:///?socket=a%20%26%3D%2Bb", { socketPath: "a &=+b" }],
    ["nbd+unix:///?socket=a=b+c?d", { socketPath: "a=b+c?d" }],
    ["nbd+unix:///?socket=%00/abstract", { socketPath: "\0/abstract" }],
  ])("takes the place from %s", (uri, place) => {
    expect(parseNbdUri(uri)).toEqual({ ...place, exportName: "" });
  });

  it.each([
    ["nbds://h/", {}],
    ["nbds://alice@h/?tls-psk-file=/k", { userName: "alice", pskPath: "/k" }],
    ["nbds://h/?tls-certificates=/c&tls-type=x509", { certificatesPath: "/c" }],
    ["nbds://h/?tls-type=psk&tls-psk-file=k", { pskPath: "k" }],
    ["nbds://h/?tls-hostname=a.example", { hostname: "a.example" }],
    ["nbds://h/?tls-verify-peer=0", { verifyPeer: false }],
    ["nbds://h/?tls-verify-peer=1", {}],
  ])("takes what TLS needs from %s", (uri, tls) => {
    expect(parseNbdUri(uri)).toEqual({ host: "h", port: 10_809, exportName: "", tls });
  });

  it.each([
    ["", "must begin with one of nbd://"],
    ["/run/nbd.sock", "must begin with one of nbd://"],
    ["http://localhost/", "must begin with one of nbd://"],
    ["nbd:localhost", "must begin with one of nbd://"],
    ["nbd+vsock://1/", "must begin with one of nbd://"],
    ["nbd://localhost:99999/", "port 99999 is outside 1 to 65535"],
    ["nbd://localhost:0/", "port 0 is outside"],
    ["nbd://localhost:port/", '"localhost:port" is no host and port'],
    ["nbd://::1/", "in brackets"],
    ["nbd://h/%", '"%" is not percent-encoded UTF-8'],
    ["nbd://h/%ff", '"%ff" is not percent-encoded UTF-8'],
    ["nbd://h/a%00b", "NUL"],
    [`nbd://h/${"%C3%A4".repeat(2049)}`, "4098 bytes; the protocol allows 4096"],
    ["nbd://h/#1", "%23"],
    ["nbd://h/?socket=/s", "begin with nbd+unix:///"],
    ["nbd://h/?colour=red", '"colour" is none of its parameters'],
    ["nbd+unix:///", "which socket"],
    ["nbd+unix:///?socket=", "socket is empty"],
    ["nbd+unix:///?socket=a&socket=b", "given twice"],
    ["nbd+unix:///?socket=a%00b", "NUL"],
    [`nbd+unix:///?socket=/${"s".repeat(107)}`, "108 bytes; the system allows 107"],
    ["nbd+unix://run/nbd.sock", "a Unix socket has no host"],
    ["nbd://h/?tls-hostname=a", "tls-hostname needs TLS; begin with nbds:"],
    ["nbd+unix:///?socket=s&tls-psk-file=k", "needs TLS; begin with nbds+unix:"],
    ["nbds://h/?tls-certificates=c&tls-psk-file=k", "exclude each other"],
    ["nbds://h/?tls-type=psk", "add tls-psk-file"],
    ["nbds://h/?tls-type=x509&tls-psk-file=k", "no use for tls-psk-file"],
    ["nbds://h/?tls-type=ssl", '"ssl"; it may be x509 or psk'],
    ["nbds://h/?tls-verify-peer=no", '"no"; it may be 0 or 1'],
  ])("refuses %s", (uri, says) => {
    expectRefusal(() => parseNbdUri(uri), refusal.invalid(uri, says));
  });

  it("refuses TLS in which nobody proves anything", () => {
    expectRefusal(() => parseNbdUri("nbds://h/?tls-type=anon"), {
      code: "UNSUPPORTED",
      errno: "ENOTSUP",
      says: ["anon", "x509 or psk"],
    });
  });

  it("shows a URI that would steer a terminal as what it is", () => {
    expectRefusal(() => parseNbdUri("\x1b[2J"), refusal.invalid("\\x1b[2J"));
  });
});

describe("formatNbdUri", () => {
  it.each<[string, NbdAddress]>([
    ["nbd://localhost/", { host: "localhost", port: 10_809, exportName: "" }],
    ["nbd://[::1]:2000/a", { host: "::1", port: 2000, exportName: "a" }],
    ["nbd+unix:///a/b?socket=/run/x.sock", { socketPath: "/run/x.sock", exportName: "a/b" }],
    ["nbd+unix:////a?socket=x%20%26%2B%25y", { socketPath: "x &+%y", exportName: "/a" }],
    ["nbd+unix:///na%C3%AFve%3F%23?socket=s", { socketPath: "s", exportName: "naïve?#" }],
    [
      "nbds://alice@h/?tls-psk-file=/k",
      { host: "h", port: 10_809, exportName: "", tls: { userName: "alice", pskPath: "/k" } },
    ],
  ])("gives %s", (uri, address) => {
    expect(formatNbdUri(address)).toBe(uri);
  });

  it("gives what parses to the same address", () => {
    const seed = testSeed("addresses");
    const text = fc.string({ unit: "grapheme" }).map((value) => value.replaceAll("\0", ""));
    const some = text.filter((value) => value !== "");
    const path = some.filter((value) => Buffer.byteLength(value) <= 107);
    const ipv6 = fc.ipV6().filter((value) => !value.includes("."));
    const host = fc.oneof(fc.domain(), fc.ipV4(), ipv6);
    const port = fc.integer({ min: 1, max: 65_535 });
    const place = fc.oneof(fc.record({ socketPath: path }), fc.record({ host, port }));
    const certificates = fc.record(
      { certificatesPath: some, hostname: some, verifyPeer: fc.constant(false as const) },
      { requiredKeys: [] },
    );
    const psk = fc.record({ pskPath: some, userName: some }, { requiredKeys: ["pskPath"] });
    const tls = fc.option(fc.oneof(certificates, psk), { nil: undefined });
    const address = fc.tuple(place, text, tls).map(
      ([where, exportName, secured]): NbdAddress => ({
        ...where,
        exportName,
        ...(secured === undefined ? {} : { tls: secured }),
      }),
    );
    fc.assert(
      fc.property(address, (one) => {
        expect(parseNbdUri(formatNbdUri(one))).toEqual(one);
      }),
      { seed, numRuns: 2000 },
    );
  });
});

const NAMES = ["", "disk", "/disk", "a/b", "../up", "hello world", "ä?#&=+%41;:@!$'()*,", "日本語"];

const noPrograms = missing("nbdkit", "nbdcopy");

describe.skipIf(noPrograms !== "")(`formatNbdUri${noPrograms && ` (${noPrograms})`}`, () => {
  let server: ForeignServer | undefined;

  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  /** Serves the name of the export that a client asks for, on a socket with an unusual name. */
  async function serveNames() {
    const name = "sock & ets=+%41?#ü";
    server = await startNbdkit((folder) => ["-U", join(folder, name), "info", "mode=exportname"]);
    return join(server.folder, name);
  }

  it.each(NAMES)("gives what nbdcopy understands, for the export %j", async (exportName) => {
    const socketPath = await serveNames();
    const uri = formatNbdUri({ socketPath, exportName });
    const { stdout } = await promisify(execFile)("nbdcopy", [uri, "-"]);
    expect(stdout).toBe(exportName);
  });

  it.each(NAMES)("gives what the client understands, for the export %j", async (exportName) => {
    const socketPath = await serveNames();
    const client = await NbdClient.connect(formatNbdUri({ socketPath, exportName }));
    const target = Buffer.alloc(client.info.sizeBytes);
    await client.read(0, target);
    await client.disconnect();
    expect(target.toString()).toBe(exportName);
  });
});
