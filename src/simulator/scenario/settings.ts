/**
 * Keys of a scenario set by path: `--set key=value`, a variant's `set`, a point of a sweep. Values go in as they are;
 * whether they make sense is check.ts's to say.
 */

import { type ZodType, z } from "zod";
import { PagefoldError } from "../../base/errors.ts";
import type { Setting } from "../../report/simulate-result.ts";
import { scannerKinds } from "../scanners/registry.ts";
import { workloadKinds } from "../workloads/registry.ts";
import { keyOf, type Path, parsePath, pathText, valueAt } from "./paths.ts";
import { problemAt, shown } from "./problems.ts";
import { scenarioSchema } from "./schema.ts";
import { shapeAt, shapeOf } from "./shape.ts";

export type Settings = Readonly<Record<string, Setting>>;

type Container = Record<string | number, unknown>;

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** JSON where it is some, else the text itself. */
function parseValue(text: string): Setting {
  try {
    return JSON.parse(text) as Setting;
  } catch {
    return text;
  }
}

/** `key=value` taken apart; `option` is what the command line calls it. */
function keyAndText(text: string, option: string): { key: string; rest: string } {
  const [, key, rest] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key !== undefined && rest !== undefined) return { key: keyOf(parsePath(key.trim())), rest };
  throw invalid(`${option} cannot be "${text}": give KEY=VALUE, such as ${option} host.memory=2G`);
}

/** A setting of the command line: `host.memory=2G`. */
export function parseSetting(text: string): { readonly key: string; readonly value: Setting } {
  const { key, rest } = keyAndText(text, "--set");
  return { key, value: parseValue(rest) };
}

/** A sweep of the command line: `scanner.pages_to_scan=100,200`. Several values, JSON or texts, with commas between. */
export function parseSweep(text: string): {
  readonly key: string;
  readonly values: readonly Setting[];
} {
  const { key, rest } = keyAndText(text, "--sweep");
  const list = parseValue(`[${rest}]`);
  const values = Array.isArray(list)
    ? list
    : rest.split(",").map((part) => parseValue(part.trim()));
  if (values.length === 0 || values.includes("")) {
    throw invalid(
      `--sweep ${key} cannot be "${rest}": a value is missing; give values with commas between, such as --sweep ${key}=1,2`,
    );
  }
  const texts = values.map((value) => JSON.stringify(value));
  const twice = texts.find((value, index) => texts.indexOf(value) !== index);
  if (twice !== undefined) {
    throw invalid(`--sweep ${key} has ${twice} twice, which would be the same run; leave one out`);
  }
  return { key, values };
}

/**
 * Of a kind's parameters, those that mean something to another: left out are those that kind does not know and some
 * other does. What no kind knows stays, for the check to find.
 */
function parametersFor(parameters: Container, name: unknown): Container {
  const kinds = [...scannerKinds, ...workloadKinds];
  const kind = kinds.find((candidate) => candidate.kind === name);
  if (kind === undefined) return parameters;
  const isKept = (key: string) =>
    knows(kind.parameters, key) || !kinds.some((other) => knows(other.parameters, key));
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => isKept(key)));
}

function knows(parameters: ZodType, key: string): boolean {
  return parameters instanceof z.ZodObject && Object.hasOwn(parameters.shape, key);
}

const isContainer = (value: unknown): value is Container =>
  typeof value === "object" && value !== null;

/** What stands at a path that nobody has set: the default, else something to set keys in. */
function implied(path: Path, next: string | number): unknown {
  const byDefault = shapeAt(shapeOf(scenarioSchema), path)?.default;
  if (byDefault !== undefined) return structuredClone(byDefault);
  return typeof next === "number" ? [] : {};
}

function put(holder: Container, key: string | number, value: unknown): void {
  // As an own property whatever it is called, "__proto__" too, so that the check finds it.
  Object.defineProperty(holder, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function setAt(scenario: unknown, path: Path, options: { value: Setting; source: string }): void {
  const { value, source } = options;
  let holder = scenario;
  for (const [depth, key] of path.entries()) {
    const above = path.slice(0, depth);
    if (!isContainer(holder)) {
      throw problemAt(above, source, `is ${shown(holder)}, which has no ${pathText([key])} to set`);
    }
    if (Array.isArray(holder) && !(typeof key === "number" && key <= holder.length)) {
      const reason = `has ${holder.length} entries; give an index from 0 to ${holder.length}`;
      throw problemAt(above, source, `${reason}, not ${pathText([key])}`);
    }
    if (depth === path.length - 1) {
      put(holder, key, structuredClone(value));
      return;
    }
    if (valueAt(holder, [key]) === undefined) {
      put(holder, key, implied(path.slice(0, depth + 1), path[depth + 1]!));
    }
    holder = holder[key];
  }
}

function isKind(path: Path): boolean {
  return path.at(-1) === "kind" && (path.at(-2) === "scanner" || path.at(-2) === "workload");
}

/** The scenario with these keys set; kinds first, whatever the order, as their parameters depend on them. */
export function withSettings(scenario: unknown, settings: Settings, source: string): unknown {
  const changed = structuredClone(scenario);
  const entries = Object.entries(settings).map(([key, value]) => ({ path: parsePath(key), value }));
  for (const { path, value } of entries.filter((entry) => isKind(entry.path))) {
    const holder = valueAt(changed, path.slice(0, -1));
    if (isContainer(holder)) {
      const kept = { ...parametersFor(holder, value), kind: value };
      const [last] = path.slice(-2, -1);
      const above = valueAt(changed, path.slice(0, -2));
      if (isContainer(above)) put(above, last!, kept);
    } else {
      setAt(changed, path, { value, source });
    }
  }
  for (const { path, value } of entries.filter((entry) => !isKind(entry.path))) {
    setAt(changed, path, { value, source });
  }
  return changed;
}
