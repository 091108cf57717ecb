/** The reference client lists the exports; more of it needs the kernel's driver (test/guest has that). */

import { beforeAll, describe, expect, it } from "vitest";
import { type Served, serve, serveForAll } from "../../support/served.ts";
import { judge, succeed } from "./tools.ts";

const { title, isAbsent } = judge("nbd-client -l", "nbd-client");

const EXPORTS = ["--size=1M", "--export=guest-a=2M", "--export=guest b=2M"];
const LISTED = "Negotiation: ..\n\nguest-a\nguest b\n";

let served: Served;

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    served = await serveForAll(EXPORTS);
    return () => served.stop();
  });

  it("lists every export's name at a socket", async () => {
    expect(await succeed("nbd-client", ["-l", "-unix", served.socketPath])).toBe(LISTED);
  });

  it("lists them at a port", async () => {
    const { port } = await serve([...EXPORTS, "--listen=127.0.0.1:0"], { at: "arguments" });
    expect(await succeed("nbd-client", ["-l", "127.0.0.1", String(port)])).toBe(LISTED);
  });
});
