/**
 * What is wrong with a scenario, in one sentence: where it came from, the path to the key, the value, what may be
 * given. Holds always: an unknown key is named with the nearest known one.
 */

import { closest, distance } from "fastest-levenshtein";
import type { ZodType, z } from "zod";
import { PagefoldError } from "../../base/errors.ts";
import { type Path, pathText, valueAt } from "./paths.ts";
import { keysOf, offerOf, type Shape, shapeAt, shapeOf } from "./shape.ts";

const MOST_SHOWN_LETTERS = 60;

type Issue = z.core.$ZodIssue;

/** A value as a message shows it. */
export function shown(value: unknown): string {
  const isEndless = typeof value === "number" && !Number.isFinite(value);
  const text = isEndless ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > MOST_SHOWN_LETTERS ? `${text.slice(0, MOST_SHOWN_LETTERS)}…` : text;
}

/** The refusal of what `source` has at `path`. */
export function problemAt(path: Path, source: string, message: string): PagefoldError {
  const where = path.length === 0 ? source : `${source}: ${pathText(path)}`;
  return new PagefoldError("INVALID_ARGUMENT", `${where} ${message}`);
}

/** `is no name`, and the nearest of those there are. */
export function unknownName(name: string, known: readonly string[], what: string): string {
  if (known.length === 0) return `is unknown: ${what} has no keys; leave it out`;
  const nearest = closest(name, [...known]);
  const isNear = distance(name, nearest) <= Math.max(2, name.length / 2);
  const all = known.join(", ");
  return isNear
    ? `is unknown: did you mean ${nearest}? ${what} has ${all}`
    : `is unknown, the nearest of ${what} is ${nearest}; it has ${all}`;
}

/** Of a value that fits none of several schemas: what is wrong by the one it was meant for, if that can be told. */
function meantIssue(issue: Issue): Issue | null {
  if (issue.code !== "invalid_union") return issue;
  const meant = issue.errors.filter(
    (issues) => !issues.some(({ path, code }) => path.length === 0 && isOther(code)),
  );
  const [issues] = meant;
  if (meant.length !== 1 || issues === undefined) return null;
  const first = chosenIssue(issues);
  return first === undefined ? null : { ...first, path: [...issue.path, ...first.path] };
}

/** Whether a value with that wrong with it is of another kind altogether. */
function isOther(code: Issue["code"]): boolean {
  return code === "invalid_type" || code === "invalid_value" || code === "invalid_union";
}

/** An unknown key first: a key misspelt is missing too. */
function chosenIssue(issues: readonly Issue[]): Issue | undefined {
  return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
}

interface Sought {
  readonly source: string;
  /** What the schema is of: "a scenario", "kernel-build". */
  readonly what: string;
  /** Where in the source the value is. */
  readonly path: Path;
  /** Keys that stand beside those of the schema: a kind beside its parameters. */
  readonly beside?: readonly string[];
}

function describe(issue: Issue, value: unknown, options: Sought & { shape: Shape }): PagefoldError {
  const { source, what, shape } = options;
  const own = issue.path as Path;
  const path = [...options.path, ...own];
  const at = shapeAt(shape, own);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const keys = keysOf(at);
    const isOwn = own.length === 0;
    const beside = isOwn && keys.length > 0 ? (options.beside ?? []) : [];
    const reason = unknownName(key, [...beside, ...keys], isOwn ? what : pathText(path));
    return problemAt([...path, key], source, reason);
  }
  const meant = meantIssue(issue);
  if (meant !== null && meant !== issue) return describe(meant, value, options);
  const found = valueAt(value, own);
  if (found === undefined) return problemAt(path, source, `is missing: give ${offerOf(at)}`);
  const isOwnMessage = issue.code === "custom" || issue.code === "invalid_format";
  const reason = isOwnMessage ? issue.message : `give ${offerOf(at)}`;
  return problemAt(path, source, `cannot be ${shown(found)}: ${reason}`);
}

/**
 * The value as the schema takes it.
 * @throws PagefoldError INVALID_ARGUMENT
 */
export function parsed<Output>(schema: ZodType<Output>, value: unknown, options: Sought): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = chosenIssue(result.error.issues)!;
  throw describe(issue, value, { ...options, shape: shapeOf(schema) });
}
