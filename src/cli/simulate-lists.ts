/** What `simulate` says of scenarios, scanners and workloads: all of them in lines, one with all its keys. */

import { PagefoldError } from "../base/errors.ts";
import type { Emphasis } from "../report/terminal.ts";
import { scannerKinds } from "../simulator/scanners/registry.ts";
import type { BuiltIn } from "../simulator/scenario/built-in/built-in.ts";
import { builtIns } from "../simulator/scenario/built-in/registry.ts";
import { shown, unknownName } from "../simulator/scenario/problems.ts";
import { scenarioSchema } from "../simulator/scenario/schema.ts";
import { offerOf, type Shape, shapeOf } from "../simulator/scenario/shape.ts";
import { workloadKinds } from "../simulator/workloads/registry.ts";

const COLUMNS = 100;
/** What `--describe` calls the keys of a scenario's file. */
const FILE_KEYS = "scenario";

interface Named {
  readonly name: string;
  readonly summary: string;
}

interface Lists {
  readonly scenarios: readonly Named[];
  readonly scanners: readonly Named[];
  readonly workloads: readonly Named[];
}

export function listAll(): Lists {
  const named = ({ kind, summary }: { kind: string; summary: string }) => ({ name: kind, summary });
  return {
    scenarios: builtIns.map(({ name, summary }) => ({ name, summary })),
    scanners: scannerKinds.map(named),
    workloads: workloadKinds.map(named),
  };
}

/** The lists for a terminal. */
export function renderLists(lists: Lists, { strong, faint }: Emphasis): string {
  const all = [...lists.scenarios, ...lists.scanners, ...lists.workloads];
  const width = Math.max(...all.map(({ name }) => name.length));
  const list = (title: string, entries: readonly Named[]) => [
    strong(title),
    ...entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
  ];
  return [
    ...list("Scenarios", lists.scenarios),
    ...list("Scanners: scanner.kind", lists.scanners),
    ...list("Workloads: guests.0.workload.kind", lists.workloads),
    faint("pagefold simulate --describe NAME says more of each, --describe scenario of the file."),
    "",
  ].join("\n");
}

/** A key of a kind or a scenario. */
interface KeyRow {
  readonly key: string;
  /** Undefined where it has to be given, or is left out. */
  readonly default?: unknown;
  readonly takes: string;
  readonly description: string;
}

function isObject(shape: Shape | undefined): shape is Shape {
  return shape?.properties !== undefined;
}

/** All keys below a shape, those of objects within it by their path. */
function keyRows(shape: Shape, prefix = ""): KeyRow[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, own]) => {
    const key = `${prefix}${name}`;
    const isGiven = own.title !== undefined;
    if (isObject(own) && !isGiven) return keyRows(own, `${key}.`);
    const row: KeyRow = {
      key,
      takes: isObject(own.items) ? "a list" : offerOf(own),
      description: own.description ?? "",
      ...(own.default === undefined ? {} : { default: own.default }),
    };
    return isObject(own.items) ? [row, ...keyRows(own.items, `${key}.N.`)] : [row];
  });
}

interface Description {
  readonly name: string;
  readonly summary: string;
  /** Paragraphs. */
  readonly explanation: readonly string[];
  readonly keys: readonly KeyRow[];
}

function ofScenario({ name, summary, explanation, scenario, candidates }: BuiltIn): Description {
  const variants = (scenario.variants ?? []).map((variant) => variant.name).join(", ");
  const keys = candidates.map(({ key }) => key).join(", ");
  return {
    name,
    summary,
    explanation: [
      explanation,
      `Variants: ${variants === "" ? "none" : variants}.`,
      ...(keys === "" ? [] : [`--sensitivity changes ${keys}.`]),
      `pagefold simulate ${name} --print-scenario prints it, to make one's own of it.`,
    ],
    keys: [],
  };
}

/**
 * Everything of one name.
 * @throws PagefoldError INVALID_ARGUMENT
 */
export function describeName(name: string): Description {
  const builtIn = builtIns.find((candidate) => candidate.name === name);
  if (builtIn !== undefined) return ofScenario(builtIn);
  if (name === FILE_KEYS) {
    const summary = "the keys of a scenario's file, JSON; --set and --sweep take the same";
    return { name, summary, explanation: [], keys: keyRows(shapeOf(scenarioSchema)) };
  }
  const kind = [...scannerKinds, ...workloadKinds].find((candidate) => candidate.kind === name);
  if (kind !== undefined) {
    const isScanner = scannerKinds.some((candidate) => candidate.kind === name);
    const prefix = isScanner ? "scanner." : "guests.0.workload.";
    const keys = keyRows(shapeOf(kind.parameters), prefix);
    return { name, summary: kind.summary, explanation: [], keys };
  }
  const { scenarios, scanners, workloads } = listAll();
  const known = [FILE_KEYS, ...[...scenarios, ...scanners, ...workloads].map((one) => one.name)];
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `--describe cannot be ${shown(name)}: it ${unknownName(name, known, "the list")}`,
  );
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line !== indent && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** A description for a terminal. */
export function renderDescription(description: Description, { strong }: Emphasis): string {
  const { name, summary, explanation, keys } = description;
  const head = `${strong(name)}: ${summary}`;
  const paragraphs = explanation.flatMap((text) => ["", ...wrapped(text, "  ")]);
  const rows = keys.flatMap((row) => {
    const byDefault =
      row.default === undefined ? "" : `; ${JSON.stringify(row.default)} unless given`;
    return [
      "",
      `  ${strong(row.key)}`,
      ...wrapped(`${row.takes}${byDefault}`, "      "),
      ...(row.description === "" ? [] : wrapped(row.description, "      ")),
    ];
  });
  return `${[head, ...paragraphs, ...rows].join("\n")}\n`;
}
