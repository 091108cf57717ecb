/** The folder `simulate --out` writes: the result as JSON, its series as CSV, a page with the plots. */

import { lstat, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PagefoldError } from "../base/errors.ts";
import { fileError, systemCode } from "../base/file-error.ts";
import { seriesCsv } from "../report/simulate-csv.ts";
import { reportHtml } from "../report/simulate-html.ts";
import type { SimulateOutput } from "../report/simulate-result.ts";
import { openFolder } from "./folders.ts";

const FILES = ["result.json", "series.csv", "report.html"] as const;

function isThere(file: string): PagefoldError {
  return new PagefoldError(
    "BUSY",
    `${file} exists already and is not overwritten; name another folder with --out or add --force`,
  );
}

/** Before the run, so that none is in vain: the folder takes files, and has these only if they may be replaced. */
export async function openOutput(folder: string, options: { force: boolean }): Promise<void> {
  await openFolder(folder, "--out");
  if (options.force) return;
  for (const name of FILES) {
    const file = join(folder, name);
    const found = await lstat(file).catch((cause: unknown) => {
      if (systemCode(cause) === "ENOENT") return null;
      throw fileError(file, { act: "written", cause });
    });
    if (found !== null) throw isThere(file);
  }
}

/** Writes all of them: their paths. */
export async function writeOutput(
  folder: string,
  output: SimulateOutput,
  options: { readonly force: boolean },
): Promise<string[]> {
  const texts: Readonly<Record<(typeof FILES)[number], string>> = {
    "result.json": `${JSON.stringify(output, null, 2)}\n`,
    "series.csv": seriesCsv(output),
    "report.html": await reportHtml(output),
  };
  const files: string[] = [];
  for (const name of FILES) {
    const file = join(folder, name);
    try {
      await writeFile(file, texts[name], { flag: options.force ? "w" : "wx" });
    } catch (cause) {
      // What was begun would refuse the next run.
      if (systemCode(cause) !== "EEXIST") await rm(file, { force: true });
      throw systemCode(cause) === "EEXIST"
        ? isThere(file)
        : fileError(file, { act: "written", cause });
    }
    files.push(file);
  }
  return files;
}
