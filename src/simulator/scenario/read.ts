/** Where a scenario comes from: those built in, by name, and files of JSON. */

import { open } from "node:fs/promises";
import { PagefoldError, reasonOf } from "../../base/errors.ts";
import { fileError, systemCode } from "../../base/file-error.ts";
import { printable } from "../../base/text.ts";
import type { BuiltIn } from "./built-in/built-in.ts";
import { builtIns } from "./built-in/registry.ts";
import { jsonErrorOffset } from "./json-offset.ts";
import { shown, unknownName } from "./problems.ts";

const MOST_BYTES = 2 ** 24;

export interface ScenarioSource {
  /** What messages call it. */
  readonly source: string;
  readonly value: unknown;
  /** Null for a file's. */
  readonly builtIn: BuiltIn | null;
}

async function readText(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw Object.assign(new Error("a directory"), { code: "EISDIR" });
    if (!stats.isFile()) throw new PagefoldError("IO", `${path} is no regular file; name one`);
    if (stats.size > MOST_BYTES) {
      throw new PagefoldError(
        "IO",
        `${path} has ${stats.size} bytes, and a scenario at most ${MOST_BYTES}; name a smaller one`,
      );
    }
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Line and column of an offset, from 1 on. */
function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const offset = jsonErrorOffset(text);
    const found = text.slice(offset).split(/\s/, 1)[0]!.slice(0, 20);
    const what = offset === text.length ? "it ends there" : `not expected: ${printable(found)}`;
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${path} is no JSON from ${placeOf(text, offset)} on, ${what}; mend it there`,
      { cause: reasonOf(cause) },
    );
  }
}

/**
 * The scenario of that name, else the file's.
 * @throws PagefoldError NOT_FOUND, NOT_PERMITTED, IO, or INVALID_ARGUMENT where it is no JSON.
 */
export async function readScenario(nameOrFile: string): Promise<ScenarioSource> {
  const builtIn = builtIns.find(({ name }) => name === nameOrFile);
  if (builtIn !== undefined) {
    return { source: builtIn.name, value: structuredClone(builtIn.scenario), builtIn };
  }
  let text: string;
  try {
    text = await readText(nameOrFile);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT" || /[/.]/.test(nameOrFile)) {
      throw fileError(nameOrFile, { act: "read", cause });
    }
    const names = builtIns.map(({ name }) => name);
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `no file is called ${shown(nameOrFile)}, and as a built-in scenario it ${unknownName(nameOrFile, names, "the list")}`,
    );
  }
  const value = parseJson(text.replace(/^\uFEFF/, ""), nameOrFile);
  return { source: nameOrFile, value, builtIn: null };
}
