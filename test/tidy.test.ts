/**
 * The project's style, checked (after TigerBeetle's tidy.zig): who imports whom, how long a line and a file may be,
 * where time and chance come from, that pages link to what exists. Each test lists every place that breaks its rule.
 */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const COLUMNS_MAX = 120;
const LINES_MAX = 500;

/** Not the project's: installed, built, measured, or version control's own. */
const LEFT_OUT = new Set([".git", "node_modules", "dist", "bench/results"]);

/** Paths of all the project's files, relative to its folder, with slashes. */
function listFiles(folder = ""): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (LEFT_OUT.has(path) || path.endsWith(".tgz")) return [];
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}

const files = listFiles();
const isGenerated = (path: string) => path.endsWith(".wasm.ts");
const sources = files.filter((path) => path.endsWith(".ts") && !isGenerated(path));
const shipped = sources.filter((path) => /^(src|codecs)\//.test(path));
const text = new Map<string, string>();

function read(path: string): string {
  const known = text.get(path) ?? readFileSync(join(ROOT, path), "utf8");
  text.set(path, known);
  return known;
}

/** `path:line: what` for each line of `paths` that `broken` has something to say about. */
function linesThat(
  paths: readonly string[],
  broken: (line: string, path: string) => string | null,
) {
  return paths.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((line, index) => {
        const what = broken(line, path);
        return what === null ? [] : [`${path}:${index + 1}: ${what}`];
      }),
  );
}

const matches = (pattern: RegExp) => (line: string) => pattern.exec(line)?.[0] ?? null;

/**
 * The rooms and which others each may import from; its own always. DESIGN: base <- codecs <- engine <- overflow <-
 * device, tmem <- trace <- nbd, simulator, lab <- cli; the cache lies on the device. Rooms between the same arrows do
 * not know each other. Reports know only the result object, so anyone above the device may name its type (`results`),
 * and only the command line the rest (`report`).
 */
const BELOW_TRACE = ["base", "codecs", "engine", "overflow", "device", "tmem"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  codecs: ["base"],
  engine: ["base", "codecs"],
  overflow: ["base", "codecs", "engine"],
  device: ["base", "codecs", "engine", "overflow"],
  tmem: ["base", "codecs", "engine", "overflow"],
  cache: ["base", "codecs", "engine", "overflow", "device"],
  trace: [...BELOW_TRACE, "results"],
  nbd: [...BELOW_TRACE, "cache", "trace", "results"],
  simulator: [...BELOW_TRACE, "trace", "results"],
  lab: [...BELOW_TRACE, "trace", "results"],
  results: [],
  report: ["base", "results"],
  cli: [...BELOW_TRACE, "cache", "trace", "nbd", "simulator", "lab", "results", "report"],
  index: [...BELOW_TRACE, "cache", "trace", "nbd", "simulator", "lab"],
};

function roomOf(path: string): string {
  if (path === "src/index.ts") return "index";
  if (/^src\/report\/([\w-]+-)?result\.ts$/.test(path)) return "results";
  if (path.startsWith("codecs/")) return "codecs";
  return path.split("/")[1]!;
}

/** What a file imports by a relative path, as paths from the project's folder. */
function importsOf(path: string): string[] {
  const specifiers = read(path).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]*)"/g);
  return [...specifiers].map((match) => posix.join(posix.dirname(path), match[1]!));
}

describe("imports", () => {
  it("go down the layers and never up", () => {
    const upward = shipped.flatMap((path) =>
      importsOf(path)
        .map((target) => ({ target, from: roomOf(path), to: roomOf(target) }))
        .filter(({ from, to }) => from !== to && !MAY_IMPORT[from]?.includes(to))
        .map(({ target, from, to }) => `${path} (${from}) imports ${target} (${to})`),
    );
    expect(upward).toEqual([]);
  });

  it("stay inside what is shipped", () => {
    const outside = shipped.flatMap((path) =>
      importsOf(path)
        .filter((target) => !/^(src|codecs)\//.test(target))
        .map((target) => `${path} imports ${target}`),
    );
    expect(outside).toEqual([]);
  });

  it("are found in every file that has some", () => {
    expect(importsOf("src/index.ts").length).toBeGreaterThan(5);
    expect(importsOf("src/engine/assembly/core.ts").length).toBeGreaterThan(0);
  });
});

describe("src/index.ts", () => {
  it("re-exports and does nothing else", () => {
    const statements = read("src/index.ts")
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
      .split(";")
      .map((statement) => statement.trim())
      .filter((statement) => statement !== "");
    const reExport = /^export (type )?\{[^{}]*\} from "[^"]+"$/;
    expect(statements.filter((statement) => !reExport.test(statement))).toEqual([]);
  });
});

describe("source files", () => {
  it(`have at most ${LINES_MAX} lines`, () => {
    const lengths = sources.map((path) => ({ path, lines: read(path).split("\n").length - 1 }));
    expect(lengths.filter(({ lines }) => lines > LINES_MAX)).toEqual([]);
  });

  it(`have lines of at most ${COLUMNS_MAX} columns, texts that end them excepted`, () => {
    // A message is written in one piece, so that it can be searched for, and the formatter does not break it either.
    // What is put into it is short: a name or a call, without braces.
    const before = /^\s*(return |(const )?\w+( =|:) |[?:+] |throw )?/;
    const isText = (line: string) =>
      /^(["'`])((?!\1|\$\{).|\$\{[^{}`]*\})*\1[,;)\]]*( \+)?$/.test(line.replace(before, ""));
    const tooLong = linesThat(sources, (line) => {
      const columns = [...line].length;
      return columns > COLUMNS_MAX && !isText(line) ? `${columns} columns` : null;
    });
    expect(tooLong).toEqual([]);
  });

  it("begin, where they are shipped, with a comment that says what they are", () => {
    const bare = shipped.filter((path) => !/^(#!.*\n)?\/\*\*/.test(read(path)));
    expect(bare).toEqual([]);
  });

  it("have no any and no unfinished business", () => {
    const pattern = /(\bas|:) any(?=\s*([[\](){}.,;=|&>]|$))|<any\b|\bTODO\b|\bFIXME\b|\bXXX\b/;
    const ours = sources.filter((path) => path !== "test/tidy.test.ts");
    expect(linesThat(ours, matches(pattern))).toEqual([]);
  });
});

describe("time and chance", () => {
  const outsideBase = sources.filter(
    (path) => !path.startsWith("src/base/") && path !== "test/tidy.test.ts",
  );

  it("come from src/base", () => {
    const pattern =
      /\bDate\.now\b|\bperformance\.now\b|\bprocess\.hrtime\b|\bMath\.random\b|\bcrypto\.(getRandomValues|random\w*)/;
    expect(linesThat(outsideBase, matches(pattern))).toEqual([]);
  });

  it("come from nothing else that is imported", () => {
    const random = /\b(random\w+|getRandomValues|webcrypto|generateKey\w*)\b/;
    const imported = outsideBase.flatMap((path) => {
      const names = /import (?:type )?([^;]*?) from "node:crypto"/.exec(read(path))?.[1] ?? "";
      const found = random.exec(names)?.[0] ?? (/^\*|^\w/.test(names) ? names : null);
      return found === null ? [] : [`${path} imports ${found} from node:crypto`];
    });
    expect(imported).toEqual([]);
  });
});

describe("pages", () => {
  const pages = files.filter((path) => path.endsWith(".md"));
  /** The page without its code blocks, in which nothing is a title or a link. */
  const prose = (path: string) => read(path).replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, "");

  it("have one title each", () => {
    const titles = pages.map((path) => ({
      path,
      titles: prose(path).match(/^# .+$/gm)?.length ?? 0,
    }));
    expect(titles.filter((page) => page.titles !== 1)).toEqual([]);
  });

  it("link to what exists", () => {
    const broken = pages.flatMap((path) =>
      [...prose(path).matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)]
        .map((match) => decodeURI((match[1] ?? match[2])!.replace(/#.*$/, "")))
        .filter((link) => link !== "" && !/^[a-z]+:/.test(link))
        .filter((link) => !existsSync(join(ROOT, dirname(path), link)))
        .map((link) => `${path} links to ${link}`),
    );
    expect(broken).toEqual([]);
  });
});

describe("fixtures", () => {
  const manifest = JSON.parse(read("fixtures/MANIFEST.json")) as readonly {
    readonly file: string;
    readonly sha256: string;
    readonly origin: string;
  }[];

  it("are what MANIFEST.json says, unpacked where they are gzipped", () => {
    const actual = manifest.map(({ file }) => {
      const bytes = readFileSync(join(ROOT, "fixtures", file));
      const content = file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
      return { file, sha256: createHash("sha256").update(content).digest("hex") };
    });
    expect(actual).toEqual(manifest.map(({ file, sha256 }) => ({ file, sha256 })));
  });

  it("are all listed there, with their origin", () => {
    const listed = manifest.filter(({ origin }) => origin.length > 0).map(({ file }) => file);
    const present = files.filter((path) => /^fixtures\/[^/]+$/.test(path));
    expect(listed.concat("MANIFEST.json").sort()).toEqual(
      present.map((path) => path.slice(9)).sort(),
    );
  });
});

describe("nothing in the project", () => {
  const written = files.filter((path) => !/\.gz$/.test(path) && !isGenerated(path));

  it("names a folder of the machine it was written on", () => {
    // A path of somebody's own: not /tmp itself, which any machine has, but nothing is to be found there either.
    const pattern = /(?<![\w.*~-])\/(home|root|work|tmp|Users)\/[\w.-]+/;
    expect(linesThat(written, matches(pattern))).toEqual([]);
  });

  it("names the host of a package registry", () => {
    const pattern = /\bregistry\.[\w-]+\.(com|org|net|io|dev|cn)\b|\bnpm\.pkg\.github\.com\b/;
    const ours = written.filter((path) => path !== "test/tidy.test.ts");
    expect(linesThat(ours, matches(pattern))).toEqual([]);
  });
});

describe("package-lock.json", () => {
  interface LockEntry {
    readonly version: string;
    readonly integrity?: string;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const { packages } = JSON.parse(read("package-lock.json")) as {
    readonly packages: Readonly<Record<string, LockEntry>>;
  };

  it("names no host: npm install --omit-lockfile-registry-resolved", () => {
    expect(linesThat(["package-lock.json"], matches(/"resolved"/))).toEqual([]);
  });

  it("has every package for every system, or npm ci refuses it", () => {
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter(
          (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
        )
        .map((name) => `${path} wants ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it("has a checksum for every package", () => {
    const bare = Object.entries(packages).filter(([path, entry]) => path && !entry.integrity);
    expect(bare.map(([path]) => path)).toEqual([]);
  });
});
