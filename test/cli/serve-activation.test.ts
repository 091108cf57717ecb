/** `serve` under systemd's socket activation: it takes the socket it is handed and makes none of its own. */

import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, linkSync, openSync, readdirSync, renameSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { askServer, controlPathOf } from "../../src/nbd/control.ts";
import { missing } from "../support/foreign-nbd.ts";
import {
  launchServed,
  type ServeOptions,
  scratchOfTest,
  serve,
  serveInVain,
} from "../support/served.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SIZE = "--size=1M";
const COMMAND = [process.execPath, "--import", "tsx", join(ROOT, "src/cli/main.ts")];

/** Hands over file descriptor 3 as systemd does: `exec` keeps the process id that it names. */
const SHELL = 'LISTEN_PID=$$ LISTEN_FDS=$COUNT exec "$@"';

/** Starts the server with the listening socket as file descriptor 3. */
function handingOver(fd: number, count = 1): ServeOptions {
  const launch = (args: readonly string[], options: SpawnOptions) =>
    spawn("/bin/sh", ["-c", SHELL, "sh", ...COMMAND, ...args], {
      ...options,
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe", fd],
      env: { ...options.env, COUNT: String(count) },
    });
  return { at: "arguments", launch };
}

interface Listening {
  readonly fd: number;
  readonly port: number;
  /** This process listens no longer; who was handed the socket still does. */
  letGo(): Promise<void>;
}

async function listenAt(place: string | number, host = "127.0.0.1"): Promise<Listening> {
  const server = createServer();
  if (typeof place === "number") server.listen(place, host);
  else server.listen(place);
  const letGo = async () => {
    if (!server.listening) return;
    // Closing removes the name, which has to stay as systemd's does.
    if (typeof place === "string") linkSync(place, `${place}.kept`);
    server.close();
    await once(server, "close");
    if (typeof place === "string") renameSync(`${place}.kept`, place);
  };
  onTestFinished(letGo);
  await once(server, "listening");
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const address = server.address();
  return { fd, port: typeof address === "object" && address ? address.port : 0, letGo };
}

/** What is read back after a write, through our own client. */
async function roundTrip(uri: string): Promise<string> {
  const client = await NbdClient.connect(uri);
  try {
    await client.write(4096, Buffer.from("here"));
    const target = Buffer.alloc(4);
    await client.read(4096, target);
    return target.toString();
  } finally {
    await client.disconnect();
  }
}

describe("serve, handed a socket,", () => {
  it("serves at a port, which ready names, and stat finds it there", async () => {
    const { fd, port, letGo } = await listenAt(0);
    const served = await serve([SIZE], handingOver(fd));
    await letGo();
    expect(served.uri).toBe(`nbd://127.0.0.1:${port}/`);
    expect(await roundTrip(served.uri)).toBe("here");
    expect(readdirSync(served.folder)).toEqual([`pagefold-${port}.sock.control`]);
    expect((await served.end()).code).toBe(0);
  });

  it("serves at a path, which ready names, with its control socket beside it", async () => {
    const path = join(scratchOfTest(), "given");
    const { fd, letGo } = await listenAt(path);
    const served = await serve([SIZE], handingOver(fd));
    await letGo();
    expect(served.uri).toBe(`nbd+unix:///?socket=${path}`);
    expect(await roundTrip(served.uri)).toBe("here");
    expect(await askServer(controlPathOf(path), { command: "stat" })).toMatchObject({
      server: { pid: served.pid },
    });
    await served.end();
    // The socket is systemd's; the next start is handed it again.
    expect(readdirSync(dirname(path))).toEqual(["given"]);
  });

  it.each(["--socket=x", "--listen=127.0.0.1:0"])("refuses %s beside it", async (place) => {
    const { fd } = await listenAt(0);
    const { code, stderr } = await serveInVain([SIZE, place], handingOver(fd));
    expect(code).toBe(2);
    expect(stderr).toBe(
      "pagefold: systemd says where to listen; leave --socket and --listen out\n",
    );
  });

  it("refuses plain text where other machines reach the socket, unless told --insecure", async () => {
    const { fd, letGo } = await listenAt(0, "0.0.0.0");
    const { code, stderr } = await serveInVain([SIZE], handingOver(fd));
    expect(code).toBe(2);
    expect(stderr).toMatch(/0\.0\.0\.0 port \d+, where other machines .* say --insecure\n$/);
    const served = await serve([SIZE, "--insecure"], handingOver(fd));
    await letGo();
    expect(await roundTrip(served.uri)).toBe("here");
  });

  it("refuses two of them", async () => {
    const { fd } = await listenAt(0);
    const { code, stderr } = await serveInVain([SIZE], handingOver(fd, 2));
    expect(code).toBe(2);
    expect(stderr).toBe("pagefold: systemd hands over 2 sockets; give the unit one ListenStream\n");
  });

  it("refuses what is no socket", async () => {
    const file = openSync("/dev/null", "r");
    onTestFinished(() => closeSync(file));
    const { code, stderr } = await serveInVain([SIZE], handingOver(file));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pagefold: cannot listen at file descriptor 3: .+\n$/);
  });

  it("takes none that was handed to another process", async () => {
    const env = { LISTEN_PID: "1", LISTEN_FDS: "1" };
    const served = await serve([SIZE], { spawn: { env } });
    expect(served.uri).toBe(`nbd+unix:///?socket=${served.socketPath}`);
  });
});

const ACTIVATE = "systemd-socket-activate";
const reason = missing(ACTIVATE);

describe.skipIf(reason !== "")(`${ACTIVATE}${reason && ` (${reason})`}`, () => {
  it("starts the server for the first client, who is served", async () => {
    const path = join(scratchOfTest(), "unit.sock");
    const served = launchServed([SIZE], {
      at: "arguments",
      launch: (args, options) => {
        const passed = ["PATH", "XDG_RUNTIME_DIR"].map((name) => `--setenv=${name}`);
        const command = [`--listen=${path}`, ...passed, ...COMMAND, ...args];
        return spawn(ACTIVATE, command, { ...options, cwd: ROOT });
      },
    });
    onTestFinished(() => served.stop());
    await served.says(/Listening on/);
    expect(await roundTrip(`nbd+unix:///?socket=${path}`)).toBe("here");
    expect((await served.end()).code).toBe(0);
  });
});
