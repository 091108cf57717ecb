/** What `serve` refuses before it listens: in one line with the value and the remedy, and nothing is left behind. */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { beforeAll, describe, expect, it } from "vitest";
import { registerServe } from "../../src/cli/serve.ts";
import { emphasisFor } from "../../src/report/terminal.ts";
import { judge } from "../nbd/judges/tools.ts";
import { makeAuthority, makeCertificate } from "../support/keys.ts";
import { makeScratch, serveInVain } from "../support/served.ts";

/** Codes for which the program exits with 2. */
const USAGE = ["INVALID_ARGUMENT", "NAME_TOO_LONG", "UNKNOWN_CODEC", "OUT_OF_RANGE"];
const WIDE = "y".repeat(200);

let folder = "";

/** A command that would end at once if it did start, to spare a process for each refusal. */
async function refusalOf(line: string) {
  const program = new Command().exitOverride().configureOutput({ outputError: () => {} });
  registerServe(program, {
    signal: AbortSignal.abort(),
    progress: { update: () => {}, stop: () => {} },
    emphasis: emphasisFor(process.stdout, { NO_COLOR: "1" }),
    print: () => {},
    note: () => {},
  });
  const place = /--(socket|listen)/.test(line) ? "" : "--socket=FOLDER/socket";
  const given = `${place} ${line}`
    .replaceAll("FOLDER", folder)
    .split(" ")
    .filter((arg) => arg !== "");
  try {
    await program.parseAsync(["node", "pagefold", "serve", ...given]);
  } catch (cause) {
    const { code, message } = cause as { readonly code: string; readonly message: string };
    return { code, message, isUsage: USAGE.includes(code) };
  }
  throw new Error(`${given.join(" ")}: it started`);
}

beforeAll(() => {
  const scratch = makeScratch();
  folder = scratch.folder;
  writeFileSync(join(folder, "junk"), "junk\n");
  writeFileSync(join(folder, "empty"), "");
  mkdirSync(join(folder, "sub"));
  return () => scratch.remove();
});

describe("serve refuses, as a wrong command line,", () => {
  it.each([
    {
      line: "",
      says: /^nothing to serve: give --size 1G .*, --export NAME=SIZE .*, or --cache-of PATH$/,
    },
    { line: "--size=abc", says: /^--size cannot be "abc": give bytes or a size such as 512M/ },
    {
      line: "--size=0",
      says: /^--size cannot be "0": a disk has from 4096 bytes, one page, to 1.0 TiB/,
    },
    { line: "--size=2T", says: /^--size cannot be "2T": a disk has from 4096 bytes/ },
    { line: "--export=a", says: /^--export cannot be "a": give NAME=SIZE, such as guest-a=1G/ },
    { line: "--export=a=", says: /^the size of export "a" cannot be ""/ },
    { line: "--export=a=b=1M", says: /^the size of export "a" cannot be "b=1M"/ },
    { line: "--export=a=1M,", says: /says ""; after the size come domain=NAME and limit=SIZE/ },
    { line: "--export=a=1M,x=1", says: /says "x=1"; after the size come domain=NAME and limit/ },
    { line: "--export=a=1M,limit=", says: /^the limit of export "a" cannot be ""/ },
    { line: `--export=${WIDE}=1M`, says: /name has 200 bytes; at most 127 are allowed/ },
    { line: `--export=a=1M,domain=${WIDE}`, says: /name has 200 bytes; at most 127/ },
    { line: "--export=a=1M --export=a=2M", says: /^two exports are named "a"; rename one/ },
    { line: "--size=1M --export==1M", says: /^two exports are named ""; rename one/ },
  ])("exports: $line", async ({ line, says }) => {
    const { message, isUsage } = await refusalOf(line);
    expect(message).toMatch(says);
    expect(isUsage).toBe(true);
  });

  it.each([
    { line: "--codec=nope", says: /^"nope" is not a codec; use one of lz4, / },
    { line: "--recompress=zstd,nope", says: /^"nope" is not a codec; use one of lz4, / },
    { line: "--recompress=zstd,deflate,lz4-fast,lz4", says: /4 codecs; at most 3 are possible/ },
    { line: "--memory-limit=-1", says: /^--memory-limit cannot be "-1"/ },
    { line: "--reserve=100G", says: /is 107374182400; it must be a whole number from 0 to / },
    { line: "--listen=10809", says: /^--listen cannot be "10809": give HOST:PORT, such as / },
    { line: "--listen=localhost:65536", says: /^--listen cannot be "localhost:65536"/ },
    { line: "--listen=::1:10809", says: /^--listen cannot be "::1:10809".*\[::1\]:10809/ },
    { line: "--listen=[::1:1", says: /^--listen cannot be "\[::1:1"/ },
    { line: "--listen=0.0.0.0:0", says: /in plain text; give --tls-psk, or .*say --insecure/ },
    { line: "--listen=:0", says: /in plain text; give --tls-psk, or .*say --insecure/ },
    { line: "--listen=198.51.100.1:0", says: /in plain text; give --tls-psk, or .*--insecure/ },
    { line: "--listen=127.0.0.1.example:0", says: /in plain text; .*say --insecure/ },
    { line: "--listen=[::]:0", says: /in plain text; give --tls-psk, or .*say --insecure/ },
    { line: "--socket=FOLDER/s --listen=[::1]:0", says: /^--socket and --listen exclude/ },
    { line: `--socket=FOLDER/${WIDE}`, says: /bytes, and a socket's path may have 107; choose/ },
    { line: "--tls=nope", says: /^--tls cannot be "nope"; the modes are off, on, require/ },
    {
      line: "--tls=require",
      says: /^--tls require needs --tls-cert and --tls-key, or --tls-psk/,
    },
    { line: "--tls=on", says: /^--tls on needs --tls-cert and --tls-key, or --tls-psk/ },
    { line: "--tls=off --tls-psk=x", says: /^--tls off leaves the .* key given unused/ },
    { line: "--tls-psk=x --tls-cert=x", says: /^--tls-psk and certificates exclude each/ },
    { line: "--tls-cert=x", says: /^TLS with certificates needs both --tls-cert and --tls-key/ },
    { line: "--tls-key=x", says: /^TLS with certificates needs both --tls-cert and --tls-key/ },
    { line: "--tls-ca=x", says: /^TLS with certificates needs both --tls-cert and --tls-key/ },
    { line: "--tls-psk=FOLDER/junk", says: /^line 1 of ".*junk" is not user:key .*psktool/ },
    { line: "--tls-psk=FOLDER/empty", says: /^".*empty" holds no key; psktool makes one/ },
  ])("options: $line", async ({ line, says }) => {
    const { message, isUsage } = await refusalOf(`--size=1M ${line}`);
    expect(message).toMatch(says);
    expect(isUsage).toBe(true);
  });

  it.each([
    { line: "--nope", says: /unknown option '--nope'/ },
    { line: "disk", says: /too many arguments/ },
    { line: "--size", says: /argument missing/ },
  ])("what it does not know: $line", async ({ line, says }) => {
    expect((await refusalOf(line)).message).toMatch(says);
  });
});

describe("serve refuses, as work that failed,", () => {
  it.each([
    {
      line: "--tls-psk=FOLDER/none",
      code: "NOT_FOUND",
      says: /the file of keys ".*none" cannot/,
    },
    { line: "--tls-psk=FOLDER/sub", code: "IO", says: /the file of keys ".*sub" cannot be read/ },
    {
      line: "--tls-cert=FOLDER/none --tls-key=FOLDER/none",
      code: "NOT_FOUND",
      says: /the certificate ".*none" cannot be read/,
    },
    { line: "--record=FOLDER/junk", code: "BUSY", says: /junk exists already and is not over/ },
    { line: "--record=FOLDER/none/x", code: "NOT_FOUND", says: /none\/x cannot be written/ },
    { line: "--pid-file=FOLDER/none/x", code: "IO", says: /^the pid file cannot be written/ },
    {
      line: "--pid-file=FOLDER/sub",
      code: "IO",
      says: /^the pid file cannot be written: EISDIR/,
    },
    {
      line: "--socket=FOLDER/none/s",
      code: "NOT_FOUND",
      says: /no folder ".*none" for the socket/,
    },
    { line: "--listen=198.51.100.1:0 --insecure", code: "IO", says: /^cannot listen at 198/ },
  ])("$line", async ({ line, code, says }) => {
    const refusal = await refusalOf(`--size=1M ${line}`);
    expect(refusal.message).toMatch(says);
    expect(refusal.code).toBe(code);
  });

  it("and leaves nothing behind", () => {
    expect(readdirSync(folder).sort()).toEqual(["empty", "junk", "sub"]);
  });
});

const { title, isAbsent } = judge("serve refuses certificates", "openssl");

describe.skipIf(isAbsent)(title, () => {
  let pki = "";
  let other = "";

  beforeAll(() => {
    const scratch = makeScratch();
    pki = join(scratch.folder, "pki");
    other = join(scratch.folder, "other");
    for (const path of [pki, other]) {
      makeAuthority(path);
      makeCertificate(path, "server");
    }
    writeFileSync(join(pki, "junk"), "junk\n");
    return () => scratch.remove();
  });

  it.each([
    { name: "and a key that do not belong together", key: "../other/server-key.pem" },
    { name: "with a file that is no key", key: "junk" },
    { name: "that are none", cert: "junk" },
    { name: "with authorities that are none", ca: "junk" },
  ])("$name", async ({ cert = "server-cert.pem", key = "server-key.pem", ca = "ca-cert.pem" }) => {
    const files = `--tls-cert=${pki}/${cert} --tls-key=${pki}/${key} --tls-ca=${pki}/${ca}`;
    const { message, isUsage } = await refusalOf(`--size=1M ${files}`);
    expect(message).toMatch(/^the certificate, its key and the authorities do not go together: /);
    expect(isUsage).toBe(true);
  });
});

describe("pagefold serve, where it cannot start,", () => {
  it.each([
    { name: "2 for a wrong command line", args: ["--size=nope"], code: 2 },
    { name: "2 for plain text off loopback", args: ["--size=1M", "--listen=:0"], code: 2 },
    { name: "1 for work that failed", args: ["--size=1M", "--socket=/proc/none/s"], code: 1 },
    { name: "1 for a pid file", args: ["--size=1M", "--pid-file=/proc/none"], code: 1 },
  ])("exits with $name, and says why in one line", async ({ args, code }) => {
    const ended = await serveInVain(args, { at: "arguments" });
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(/^pagefold: .+\n$/);
  });
});
