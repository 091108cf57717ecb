import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario } from "../../../src/simulator/scenario/read.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-read-scenario-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(text: string): Promise<string> {
  const file = join(folder, "mine.json");
  await writeFile(file, text);
  return file;
}

describe("readScenario", () => {
  it("gives a built-in scenario by its name", async () => {
    const { source, value, builtIn } = await readScenario("zeroing");
    expect(source).toBe("zeroing");
    expect(builtIn?.name).toBe("zeroing");
    expect(value).toEqual(builtIn?.scenario);
  });

  it("reads a file, with or without a byte order mark", async () => {
    for (const mark of ["", "\uFEFF"]) {
      const file = await fileOf(`${mark}{"seconds": 3}`);
      expect(await readScenario(file)).toEqual({
        source: file,
        value: { seconds: 3 },
        builtIn: null,
      });
    }
  });

  it.each([
    ['{"a": 1,\n "b": tru }', "line 2, column 7 on, not expected: tru; mend it there"],
    ['{"a": 1,\n', "line 2, column 1 on, it ends there; mend it there"],
    ["", "line 1, column 1 on, it ends there"],
    ['{"a":\t\u001b[2J}', "line 1, column 7 on, not expected: \\x1b[2J}"],
  ])("says where %j stops being JSON", async (text, message) => {
    const file = await fileOf(text);
    await expect(readScenario(file)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`${file} is no JSON from ${message}`),
    });
  });

  it("names the nearest built-in one where a name is no file either", async () => {
    await expect(readScenario("ksm-plusplus")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(
        /^no file is called "ksm-plusplus", and as a built-in scenario it is unknown: did you mean ksm-plus-plus\?/,
      ),
    });
  });

  it.each([
    ["none.json", "NOT_FOUND", "there is no such file"],
    ["", "IO", "it is a directory; name a file"],
  ])("refuses FOLDER/%s", async (name, code, message) => {
    await expect(readScenario(join(folder, name))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it("refuses what is no file, without waiting for it", async () => {
    await expect(readScenario("/dev/zero")).rejects.toMatchObject({
      message: "/dev/zero is no regular file; name one",
    });
  });

  it("refuses a file larger than any scenario", async () => {
    const file = await fileOf(" ".repeat(2 ** 24 + 1));
    await expect(readScenario(file)).rejects.toThrow(
      "16777217 bytes, and a scenario at most 16777",
    );
  });
});
