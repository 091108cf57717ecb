/** What is said in plain text after STARTTLS ends the connection: it could be anyone's. The operator is told once. */

import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { makePskFile } from "../../support/keys.ts";
import { makeScratch, type Served, serveForAll } from "../../support/served.ts";
import { RawClient } from "../support/raw-client.ts";
import * as wire from "../support/wire.ts";
import { judge } from "./tools.ts";

const { title, isAbsent } = judge("STARTTLS", "psktool");

const STARTTLS = wire.option(wire.OPT.STARTTLS);
const ACK = wire.optionReply(wire.OPT.STARTTLS, wire.REP.ACK);
const LIST = wire.option(wire.OPT.LIST);

let served: Served;

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(served.socketPath);
  onTestFinished(() => client.vanish());
  await client.expect(wire.GREETING);
  return client;
}

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    const keys = makeScratch();
    const path = makePskFile(join(keys.folder, "keys.psk"), ["alice"]);
    served = await serveForAll(["--size=1M", "--tls=on", "--tls-psk", path]);
    return async () => {
      await served.stop();
      keys.remove();
    };
  });

  it.each([
    { name: "one byte", bytes: wire.hex("16") },
    { name: "an option", bytes: LIST },
  ])("followed by $name in one go cuts the connection", async ({ bytes }) => {
    const client = await connect();
    client.send(wire.CLIENT_FIXED, STARTTLS, bytes);
    // Of the answer some may have gone out before.
    await client.expectEnd().catch(() => client.expect(ACK));
    await client.expectEnd();
    const { length } = bytes;
    await served.says(
      new RegExp(`client \\d+: sent ${length} bytes between STARTTLS and its answer`),
    );
  });

  it("followed by plain text after its answer cuts the connection", async () => {
    const client = await connect();
    client.send(wire.CLIENT_FIXED, STARTTLS);
    await client.expect(ACK);
    client.send(LIST);
    await served.until(() => client.isEnded || null);
    // At most TLS's own word for it.
    expect(client.unreadBytes).toBeLessThanOrEqual(7);
    await served.says(/client \d+: was not let in by TLS: wrong version number\n/);
  });
});
