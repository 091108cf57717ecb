import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileMedium } from "../../../src/overflow/media/file.ts";
import { expectRejection, refusal } from "../../support/refusals.ts";
import {
  loopDevice,
  mounted,
  partitioned,
  type SystemThing,
  smallFileSystem,
  whyNoLoopDevices,
  whyNoMounts,
} from "../../support/system-devices.ts";

const MIB = 2 ** 20;

let folder = "";
let path = "";
/** To be undone, the last first, also after a test that failed. */
let things: SystemThing[] = [];
const told: string[] = [];
const log = (line: string): void => void told.push(line);
const open = (at: string, sizeBytes = MIB): Promise<FileMedium> =>
  FileMedium.open({ path: at, sizeBytes, log });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-file-"));
  path = join(folder, "swap.log");
  told.length = 0;
  things = [];
});

function undoing(thing: SystemThing): SystemThing {
  things.push(thing);
  return thing;
}

afterEach(async () => {
  for (const thing of things.reverse()) await thing.remove();
  await rm(folder, { recursive: true });
});

/** That nothing is left beside what was there. */
async function expectOnly(...names: readonly string[]): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual([...names].sort());
}

describe("FileMedium.open", () => {
  it("makes a file of its size that nobody else may read", async () => {
    const medium = await open(path);
    const { size, mode } = await stat(path);
    expect({ size, mode: mode & 0o777 }).toEqual({ size: MIB, mode: 0o600 });
    await medium.close();
    await expectOnly("swap.log");
  });

  it("uses the bytes of a file that is there, and grows it", async () => {
    await writeFile(path, Buffer.alloc(5000, 7));
    const medium = await open(path);
    const target = new Uint8Array(6000);
    await medium.read(0, target);
    await medium.close();
    expect(target).toEqual(
      new Uint8Array(Buffer.concat([Buffer.alloc(5000, 7), Buffer.alloc(1000)])),
    );
    expect((await stat(path)).size).toBe(MIB);
  });

  it("leaves a longer file as long as it is", async () => {
    await writeFile(path, Buffer.alloc(2 * MIB));
    await (await open(path)).close();
    expect((await stat(path)).size).toBe(2 * MIB);
  });

  it("opens again what it closed, with the bytes written", async () => {
    const first = await open(path);
    const source = new Uint8Array(4096).fill(9);
    await first.write(8192, source);
    await first.close();
    const second = await open(path);
    const target = new Uint8Array(4096);
    await second.read(8192, target);
    await second.close();
    expect(target).toEqual(source);
  });

  it("refuses a path whose folder is missing", async () => {
    const missing = join(folder, "no", "swap.log");
    const says = [missing, "no folder", "make it"];
    await expectRejection(() => open(missing), { code: "NOT_FOUND", errno: "ENOENT", says });
    await expectOnly();
  });

  it("refuses a directory", async () => {
    await expectRejection(() => open(folder), refusal.invalid(folder, "a directory"));
    await expectOnly();
  });

  it("refuses what is neither file nor block device", async () => {
    await expectRejection(() => open("/dev/null"), refusal.invalid("/dev/null", "neither"));
  });

  it("refuses a symbolic link to nothing, and leaves no lock", async () => {
    await symlink(join(folder, "gone"), path);
    const says = [path, "no such file"];
    await expectRejection(() => open(path), { code: "NOT_FOUND", errno: "ENOENT", says });
    await expectOnly("swap.log");
  });

  const isRoot = process.getuid?.() === 0;
  it.skipIf(isRoot)(
    `refuses a file it may not write${isRoot ? " (skipped: root may)" : ""}`,
    async () => {
      await writeFile(path, "");
      await chmod(path, 0o400);
      const says = [path, "permission"];
      await expectRejection(() => open(path), { code: "NOT_PERMITTED", errno: "EPERM", says });
      await expectOnly("swap.log");
    },
  );

  it.skipIf(isRoot)(
    `refuses a folder it may not write${isRoot ? " (skipped: root may)" : ""}`,
    async () => {
      await chmod(folder, 0o500);
      const says = [path, "permission"];
      await expectRejection(() => open(path), { code: "NOT_PERMITTED", errno: "EPERM", says });
      await chmod(folder, 0o700);
      await expectOnly();
    },
  );

  it.each([0, -4096, 1, 4097, 1.5, Number.NaN, 2 ** 60])(
    "refuses a size of %d bytes",
    async (size) => {
      await expectRejection(() => open(path, size), refusal.invalid(path, size, "4.0 KiB"));
      await expectOnly();
    },
  );

  it("refuses a file this process has open, by whatever name of its folder", async () => {
    const medium = await open(path);
    await mkdir(join(folder, "sub"));
    const other = join(folder, "sub", "..", "link");
    await symlink(path, other);
    for (const name of [path, other]) {
      await expectRejection(() => open(name), refusal.busy(process.pid, "in use"));
    }
    await medium.close();
    await (await open(other)).close();
    await expectOnly("swap.log", "link", "sub");
  });

  it("refuses a size the file system has no room for, and leaves nothing", async () => {
    // An exbibyte and more is left nowhere.
    const says = [path, "left", "smaller size"];
    await expectRejection(() => open(path, 2 ** 52), refusal.noSpace(...says));
    await expectOnly();
  });
});

describe.skipIf(whyNoMounts() !== "")(
  `FileMedium on a small file system${whyNoMounts() && ` (skipped: ${whyNoMounts()})`}`,
  () => {
    let small: SystemThing;
    let inside = "";

    beforeEach(async () => {
      small = undoing(await smallFileSystem(join(folder, "small"), 2 * MIB));
      inside = join(small.path, "swap.log");
    });

    it("refuses to open where the room is lacking, and leaves nothing", async () => {
      await expectRejection(
        () => open(inside, 4 * MIB),
        refusal.noSpace(inside, "4.0 MiB", "free some"),
      );
      expect(await readdir(small.path)).toEqual([]);
    });

    it("leaves a file that was there as it was", async () => {
      await writeFile(inside, "precious");
      await expectRejection(() => open(inside, 4 * MIB), refusal.noSpace(inside));
      expect(await readFile(inside, "utf8")).toBe("precious");
      expect(await readdir(small.path)).toEqual(["swap.log"]);
    });

    it("takes the room at opening, so that nobody else does", async () => {
      const medium = await open(inside);
      const rival = writeFile(join(small.path, "rival"), Buffer.alloc(2 * MIB));
      await expect(rival).rejects.toThrow("ENOSPC");
      for (let offset = 0; offset < MIB; offset += 2 ** 17) {
        await medium.write(offset, new Uint8Array(2 ** 17).fill(1));
      }
      await medium.close();
    });

    it("answers a write with NO_SPACE when a disk fills under the holes of the file", async () => {
      const medium = await open(inside);
      await medium.erase(0, MIB);
      await medium.trimNow();
      await writeFile(join(small.path, "rival"), Buffer.alloc(2 * MIB)).catch(() => undefined);
      const source = new Uint8Array(2 ** 17);
      await expectRejection(() => medium.write(0, source), refusal.noSpace(inside, "free some"));
      await rm(join(small.path, "rival"));
      await medium.write(0, source);
      await medium.close();
    });
  },
);

describe("FileMedium.read", () => {
  it("answers what somebody cut off with an IO error, never with fewer bytes", async () => {
    const medium = await open(path);
    await truncate(path, 6000);
    const says = [path, 4096, "1904"];
    await expectRejection(() => medium.read(4096, new Uint8Array(4096)), {
      code: "IO",
      errno: "EIO",
      says,
    });
    await medium.close();
  });
});

describe("FileMedium.close", () => {
  it("waits for what is under way", async () => {
    const medium = await open(path);
    const source = new Uint8Array(MIB).fill(3);
    const writing = medium.write(0, source);
    await medium.close();
    await writing;
    expect(Buffer.compare(await readFile(path), source)).toBe(0);
  });
});

describe("FileMedium.erase", () => {
  it("keeps the name it was opened by apart from a file that took its place", async () => {
    const medium = await open(path);
    await medium.write(0, new Uint8Array(MIB).fill(5));
    await link(path, join(folder, "moved"));
    await rm(path);
    await writeFile(path, Buffer.alloc(MIB, 6));
    await medium.erase(0, MIB);
    await medium.trimNow();
    await medium.close();
    expect(Buffer.compare(await readFile(path), Buffer.alloc(MIB, 6))).toBe(0);
  });
});

const whyNoLoop = whyNoLoopDevices();
describe.skipIf(whyNoLoop !== "")(
  `FileMedium on a block device${whyNoLoop && ` (skipped: ${whyNoLoop})`}`,
  () => {
    let device: SystemThing;

    beforeEach(async () => {
      device = undoing(await loopDevice(join(folder, "disk"), 4 * MIB));
    });

    it("refuses a size larger than the device", async () => {
      const says = refusal.invalid(device.path, 4 * MIB + 4096, 4 * MIB, "smaller size");
      await expectRejection(() => open(device.path, 4 * MIB + 4096), says);
    });

    it("refuses one that is open already", async () => {
      const medium = await open(device.path);
      await expectRejection(() => open(device.path), refusal.busy(device.path, "in use"));
      await medium.close();
      await (await open(device.path)).close();
    });

    it("refuses one that is mounted, and names the place", async () => {
      const at = undoing(await mounted(device.path, join(folder, "a place")));
      await expectRejection(
        () => open(device.path),
        refusal.busy(device.path, "mounted on", at.path),
      );
      await at.remove();
      await (await open(device.path)).close();
    });

    it("refuses one with a partition that is mounted", async () => {
      const partition = partitioned(device.path, 2 * MIB);
      const at = undoing(await mounted(partition, join(folder, "mnt")));
      const name = partition.slice("/dev/".length);
      await expectRejection(() => open(device.path), refusal.busy("its partition", name, at.path));
    });

    it("gives erased ranges back through blkdiscard", async () => {
      const medium = await open(device.path, 4 * MIB);
      await medium.write(0, new Uint8Array(2 * MIB).fill(1));
      await medium.flush();
      const before = (await stat(join(folder, "disk"))).blocks;
      await medium.erase(MIB, MIB);
      await medium.trimNow();
      const after = (await stat(join(folder, "disk"))).blocks;
      const kept = new Uint8Array(MIB);
      await medium.read(0, kept);
      await medium.close();
      expect(told).toEqual([]);
      expect((before - after) * 512).toBe(MIB);
      expect(Buffer.compare(kept, Buffer.alloc(MIB, 1))).toBe(0);
    });
  },
);
