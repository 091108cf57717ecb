/** How `serve` ends: in order at the first signal, at once at the second. */

import { once } from "node:events";
import { readdirSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { RawClient } from "../nbd/support/raw-client.ts";
import * as wire from "../nbd/support/wire.ts";
import { launchServed, type Served, serve } from "../support/served.ts";

const { CMD, ERR, OPT, REP } = wire;
const SIZE = "--size=8M";
const HALF = Buffer.alloc(2 ** 20, 0x5a);

/** A client in its transmission phase, with simple replies. */
async function client(served: Served): Promise<RawClient> {
  const raw = await RawClient.connect(served.socketPath);
  onTestFinished(() => raw.vanish());
  await raw.expect(wire.GREETING);
  raw.send(wire.CLIENT_FIXED_NO_ZEROES, wire.option(OPT.EXPORT_NAME));
  await raw.take(10);
  return raw;
}

/** A write of twice HALF of which one half is under way, so that the server has work to finish. */
async function halfWrite(served: Served, offset = 0): Promise<RawClient> {
  const raw = await client(served);
  await raw.sendAll(wire.request(CMD.WRITE, { cookie: 1, offset, length: 2 * HALF.length }), HALF);
  return raw;
}

/** The server has heard the signal when it lets nobody in. */
async function untilClosed(served: Served): Promise<void> {
  for (;;) {
    try {
      (await RawClient.connect(served.socketPath)).vanish();
    } catch {
      return;
    }
    await wait(5);
  }
}

describe("serve, at SIGTERM,", () => {
  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "finishes what is under way, refuses what comes after, and exits with 0 (%s)",
    async (signal) => {
      const served = await serve([SIZE]);
      const writing = await halfWrite(served);
      const idle = await client(served);
      served.child.kill(signal);
      await untilClosed(served);
      idle.send(wire.request(CMD.READ, { cookie: 2, length: 512 }));
      await idle.expect(wire.simpleReply(2, ERR.ESHUTDOWN));
      idle.send(wire.request(CMD.WRITE, { cookie: 3, payload: Buffer.alloc(4096) }));
      await idle.expect(wire.simpleReply(3, ERR.ESHUTDOWN));
      writing.send(HALF);
      await writing.expect(wire.simpleReply(1));
      writing.send(wire.request(CMD.FLUSH, { cookie: 4 }));
      await writing.expect(wire.simpleReply(4, ERR.ESHUTDOWN));
      const { code, stdout, stderr } = await served.finished;
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/At the end[\s\S]*2\.0 MiB[\s\S]*The identity holds/);
      await writing.expectEnd();
      expect(readdirSync(served.folder)).toEqual([]);
    },
  );

  it("tells a client that negotiates so, and takes its ABORT", async () => {
    const served = await serve([SIZE]);
    const writing = await halfWrite(served);
    const late = await RawClient.connect(served.socketPath);
    onTestFinished(() => late.vanish());
    await late.expect(wire.GREETING);
    served.child.kill();
    await untilClosed(served);
    late.send(wire.CLIENT_FIXED_NO_ZEROES, wire.option(OPT.GO, wire.infoData("")));
    await late.expectOptionError(OPT.GO, REP.ERR_SHUTDOWN);
    late.send(wire.option(OPT.ABORT));
    await late.expect(wire.optionReply(OPT.ABORT, REP.ACK));
    writing.send(HALF);
    await writing.expect(wire.simpleReply(1));
    expect((await served.finished).code).toBe(0);
  });

  it("waits for no client that has nothing under way", async () => {
    const served = await serve([SIZE]);
    const idle = await client(served);
    const { code, stderr } = await served.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    await idle.expectEnd();
  });

  it("sends what it owes to a client that reads late", async () => {
    const served = await serve([SIZE]);
    const slow = await client(served);
    slow.stopReading();
    await slow.sendAll(wire.request(CMD.READ, { cookie: 1, length: 2 ** 22 }));
    await served.until(
      async () => (await served.status()).exports[0]!.requests.reads === 1 || null,
    );
    served.child.kill();
    await untilClosed(served);
    slow.readOn();
    await slow.expect(wire.simpleReply(1, 0, Buffer.alloc(2 ** 22)));
    expect((await served.finished).code).toBe(0);
  });

  it("ends at once at the second signal, with the signal's exit code", async () => {
    const served = await serve([SIZE]);
    const writing = await halfWrite(served);
    served.child.kill();
    await untilClosed(served);
    const { code, stdout } = await served.end();
    expect(code).toBe(143);
    expect(stdout).not.toContain("At the end");
    await writing.expectEnd();
  });

  it("leaves nothing in its successor's way, though it ended at once", async () => {
    const served = await serve([SIZE]);
    await halfWrite(served);
    served.child.kill("SIGTERM");
    served.child.kill("SIGINT");
    await served.finished;
    const successor = await serve([SIZE, "--socket", served.socketPath], { at: "arguments" });
    expect(successor.uri).toBe(served.uri);
  });
});

describe("serve --run, at SIGTERM,", () => {
  it("ends the command, and itself with the command's exit code", async () => {
    const served = launchServed([
      SIZE,
      "--run",
      "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    onTestFinished(() => served.stop());
    await served.says(/^up$/m);
    const { code, stdout } = await served.end();
    expect(code).toBe(5);
    expect(stdout).toContain("At the end");
  });

  it("leaves no command behind at the second signal", async () => {
    const command = "trap '' TERM; echo pid $$; while :; do sleep 0.05; done";
    const served = launchServed([SIZE, "--run", command]);
    onTestFinished(() => served.stop());
    const pid = Number((await served.says(/^pid (\d+)$/m))[1]);
    const isThere = () => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    onTestFinished(() => {
      if (isThere()) process.kill(pid, "SIGKILL");
    });
    served.child.kill();
    // One signal at a time: two of a kind that wait to be delivered are one.
    await wait(200);
    served.child.kill();
    await once(served.child, "exit");
    while (isThere()) await wait(5);
  });
});
