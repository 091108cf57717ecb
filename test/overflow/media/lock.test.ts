import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockFile } from "../../../src/overflow/media/lock.ts";
import { expectRejection, refusal } from "../../support/refusals.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const LOCK = new URL("../../../src/overflow/media/lock.ts", import.meta.url).href;

/** Waits for a line, then locks its argument, says how that went, and stays. */
const HOLDER = `
  const { lockFile } = await import(${JSON.stringify(LOCK)});
  console.log("waiting");
  process.stdin.once("data", () => {
    lockFile(process.argv[1]).then(() => console.log("locked"), (error) => console.log(error.message));
  });
`;

let folder = "";
let path = "";
let children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-lock-"));
  path = join(folder, "swap.log");
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map(end));
  await rm(folder, { recursive: true });
});

async function say(child: ChildProcess): Promise<string> {
  const [data] = (await once(child.stdout!, "data")) as [Buffer];
  return data.toString().trim();
}

async function startHolder(): Promise<ChildProcess> {
  const args = ["--import", "tsx", "--input-type=module", "-e", HOLDER, path];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  expect(await say(child)).toBe("waiting");
  return child;
}

async function go(child: ChildProcess): Promise<string> {
  const answer = say(child);
  child.stdin!.write("go\n");
  return answer;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** What the lock of a process that is gone says. */
async function staleContent(): Promise<string> {
  const lock = await lockFile(path);
  const own = await readFile(`${path}.lock`, "utf8");
  await lock.release();
  const child = spawn("true");
  const pid = child.pid!;
  await once(child, "exit");
  return own.replace(`pid ${process.pid}`, `pid ${pid}`);
}

describe("lockFile", () => {
  it("puts the pid of its process beside the file, and takes it away", async () => {
    const lock = await lockFile(path);
    expect(await readFile(`${path}.lock`, "utf8")).toMatch(
      new RegExp(`^pid ${process.pid} start `),
    );
    expect(await readdir(folder)).toEqual(["swap.log.lock"]);
    await lock.release();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses what this process has locked", async () => {
    const lock = await lockFile(path);
    await expectRejection(() => lockFile(path), refusal.busy(path, process.pid, "this process"));
    await lock.release();
  });

  it("refuses what another process has locked, until that is killed", async () => {
    const holder = await startHolder();
    expect(await go(holder)).toBe("locked");
    await expectRejection(() => lockFile(path), refusal.busy(path, `process ${holder.pid}`));
    await end(holder);
    await (await lockFile(path)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("gives the lock of one that is gone to one of several processes at once", async () => {
    const holders = await Promise.all([startHolder(), startHolder(), startHolder()]);
    await writeFile(`${path}.lock`, await staleContent());
    const answers = await Promise.all(holders.map(go));
    expect(answers.filter((answer) => answer === "locked")).toHaveLength(1);
    const winner = holders[answers.indexOf("locked")]!.pid;
    expect(await readFile(`${path}.lock`, "utf8")).toContain(`pid ${winner} `);
    expect(await readdir(folder)).toEqual(["swap.log.lock"]);
  });

  it("gives it to one of several takers in one process, again and again", async () => {
    const stale = await staleContent();
    for (let round = 0; round < 40; round++) {
      await writeFile(`${path}.lock`, stale);
      const takers = await Promise.allSettled(Array.from({ length: 6 }, () => lockFile(path)));
      const winners = takers.filter((taker) => taker.status === "fulfilled");
      expect(winners, `round ${round}`).toHaveLength(1);
      await winners[0]!.value.release();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it("takes over from takers that died while taking over", async () => {
    const stale = await staleContent();
    await writeFile(`${path}.lock`, stale);
    await writeFile(`${path}.lock.taking`, stale);
    await writeFile(`${path}.lock.taking.taking`, stale);
    await (await lockFile(path)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  const isLinux = process.platform === "linux";
  const needsLinux = isLinux ? "" : " (skipped: start times need Linux)";
  it.skipIf(!isLinux)(
    `takes over where the pid has gone to another process${needsLinux}`,
    async () => {
      const lock = await lockFile(path);
      const own = await readFile(`${path}.lock`, "utf8");
      await lock.release();
      await writeFile(`${path}.lock`, own.replace(/start \d+/, "start 1"));
      await (await lockFile(path)).release();
    },
  );

  it.skipIf(!isLinux)(`takes over what an earlier boot left${needsLinux}`, async () => {
    const lock = await lockFile(path);
    const own = await readFile(`${path}.lock`, "utf8");
    await lock.release();
    await writeFile(`${path}.lock`, own.replace(/boot \S+/, "boot 5e0c6a1a-another"));
    await (await lockFile(path)).release();
  });

  it.each(["", "hello\n", "pid x start 1 boot 2\n"])(
    "leaves a lock alone that says %j",
    async (content) => {
      await writeFile(`${path}.lock`, content);
      await expectRejection(() => lockFile(path), refusal.busy(path, `rm ${path}.lock`));
      expect(await readdir(folder)).toEqual(["swap.log.lock"]);
      expect(await readFile(`${path}.lock`, "utf8")).toBe(content);
    },
  );
});
