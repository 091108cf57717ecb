/**
 * The server under attack, for some seconds: hostile clients send damaged conversations to exports of theirs while
 * honest ones work, in the attackers' domain and in another. PAGEFOLD_FUZZ_SECONDS says for how long; PAGEFOLD_SEED
 * repeats what is sent, and with PAGEFOLD_ROUND from the round named in a failure on.
 *
 * Holds after every round: the server serves a newcomer, nobody is left connected that has gone, exports nobody
 * attacked hold their exact bytes, the store accounts for every byte, and no mistake of our own was logged.
 */

import { expect, it } from "vitest";
import { stopwatchClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { Device } from "../../src/device/device.ts";
import { checkExportOptions, checkStoreOptions } from "../../src/device/options.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { DeviceDisk } from "../../src/nbd/server/device-disk.ts";
import { ServedExport } from "../../src/nbd/server/served-export.ts";
import { checkAccounts } from "../nbd/support/count-store.ts";
import { HonestClient } from "../nbd/support/honest-client.ts";
import { hostileBytes, noise, POPULAR, pick } from "../nbd/support/hostile-bytes.ts";
import { attack } from "../nbd/support/hostile-client.ts";
import { TestServer } from "../nbd/support/test-server.ts";
import { CMD, request, simpleReply } from "../nbd/support/wire.ts";
import { testSeed } from "../support/seed.ts";

const PAGE = 4096;
const SIZE = 128 * PAGE;
/** Little enough for attackers to fill it now and then. */
const MEMORY_LIMIT = 200 * PAGE;
const SECONDS = Number(process.env.PAGEFOLD_FUZZ_SECONDS ?? 8);
const FIRST_ROUND = Number(process.env.PAGEFOLD_ROUND ?? 0);

/** Exports that may be attacked; the first also answers to the empty name. */
const ATTACKED = ["attacked first", "attacked second"];
/** One domain for the attackers and those who share pages with them, and one apart. */
const EXPORTS = [
  ...ATTACKED.map((name) => ({ name, domain: "all together" })),
  { name: "witness", domain: "all together" },
  { name: "honest, beside them", domain: "all together" },
  { name: "victim", domain: "apart" },
  { name: "honest, apart", domain: "apart" },
];

/** What nobody may change: popular pages, and noise. */
const PRECIOUS = Buffer.concat([...POPULAR, noise(new SeededRandom(1), 20 * PAGE), ...POPULAR]);

interface World {
  readonly core: StoreCore;
  readonly server: TestServer;
  readonly honest: readonly HonestClient[];
}

async function makeWorld(): Promise<World> {
  const core = new StoreCore(checkStoreOptions({ memoryLimitBytes: MEMORY_LIMIT }));
  const served = EXPORTS.map(({ name, domain }) => {
    const device = new Device(core, checkExportOptions({ name, domain, sizeBytes: SIZE }));
    return new ServedExport(name, new DeviceDisk(device));
  });
  const server = await TestServer.start(served);
  for (const name of ["witness", "victim"]) {
    const client = await server.use({ name });
    client.send(request(CMD.WRITE, { cookie: 1, payload: PRECIOUS }), request(CMD.DISC));
    await client.expect(simpleReply(1));
    await client.expectEnd();
  }
  const honest = [
    new HonestClient(await server.use({ name: "honest, beside them" }), SIZE, false),
    new HonestClient(
      await server.use({
        name: "honest, apart",
        isStructured: true,
        contexts: ["base:allocation"],
      }),
      SIZE,
      true,
    ),
  ];
  return { core, server, honest };
}

/** A newcomer is served at once, and finds in the export what belongs there. */
async function checkPrecious({ server }: World, name: string): Promise<void> {
  const client = await server.use({ name });
  client.send(request(CMD.READ, { cookie: 9, length: SIZE }), request(CMD.DISC));
  await client.expect(simpleReply(9, 0, PRECIOUS), Buffer.alloc(SIZE - PRECIOUS.length));
  await client.expectEnd();
}

async function playRound(world: World, random: SeededRandom): Promise<void> {
  const { server, honest, core } = world;
  const target = { names: [...ATTACKED, ""], sizeBytes: SIZE };
  const attacks = Array.from({ length: 1 + random.below(4) }, () => {
    const own = new SeededRandom(random.uint32());
    return attack(server.path, own, hostileBytes(own, target));
  });
  const work = honest.map(async (client) => {
    const own = new SeededRandom(random.uint32());
    for (let left = own.below(4); left > 0; left--) await client.play(own);
  });
  await Promise.all([...attacks, ...work]);
  await checkPrecious(world, pick(random, ["witness", "victim"]));
  await server.untilConnected(honest.length);
  const clients = server.server.directory.all.map(({ name, connections }) => [name, connections]);
  expect(clients).toEqual(EXPORTS.map(({ name }) => [name, Number(name.startsWith("honest"))]));
  checkAccounts(core);
  expect(server.log.filter((line) => /mistake|failed/.test(line))).toEqual([]);
}

it("NbdServer outlives whatever it is sent", { timeout: (SECONDS + 60) * 1000 }, async () => {
  const seed = testSeed("nbd fuzz");
  const world = await makeWorld();
  const end = stopwatchClock.seconds() + SECONDS;
  let round = FIRST_ROUND;
  for (; stopwatchClock.seconds() < end; round++) {
    try {
      await playRound(world, new SeededRandom(seed + round * 7919));
      if (round % 50 === 0) for (const client of world.honest) await client.checkAll();
    } catch (cause) {
      throw new Error(`round ${round} of seed ${seed}: ${(cause as Error).message}`, { cause });
    }
  }
  const [attacked] = world.server.server.directory.all;
  console.log(`${round - FIRST_ROUND} rounds, ${world.server.log.length} clients cut off,`);
  console.log(`requests of the export attacked first: ${JSON.stringify(attacked!.counts)}`);
  expect(attacked!.counts.writes).toBeGreaterThan(0);
});
