/**
 * What values a zod schema takes, for messages and lists: keys, ranges, defaults, descriptions. Seen through zod's own
 * JSON Schema, which leaves nothing of its inside to know.
 */

import { type ZodType, z } from "zod";
import type { Path } from "./paths.ts";

/** The part of JSON Schema that zod writes for inputs and we read. */
export interface Shape {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly prefixItems?: readonly Shape[];
  readonly anyOf?: readonly Shape[];
}

export function shapeOf(schema: ZodType): Shape {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "inline" }) as Shape;
}

/** The keys an object of that shape may have; none for what is no object. */
export function keysOf(shape: Shape | undefined): string[] {
  const alternatives = shape?.anyOf ?? [];
  return [
    ...Object.keys(shape?.properties ?? {}),
    ...alternatives.flatMap((alternative) => keysOf(alternative)),
  ];
}

/** What is at `path` in a value of that shape. */
export function shapeAt(shape: Shape | undefined, path: Path): Shape | undefined {
  const [key, ...rest] = path;
  if (shape === undefined || key === undefined) return shape;
  const within =
    typeof key === "number" ? (shape.prefixItems?.[key] ?? shape.items) : shape.properties?.[key];
  if (within !== undefined) return shapeAt(within, rest);
  for (const alternative of shape.anyOf ?? []) {
    const found = shapeAt(alternative, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isEndless(bound: number): boolean {
  return Math.abs(bound) >= Number.MAX_SAFE_INTEGER;
}

function rangeWords(shape: Shape): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = shape;
  const words: string[] = [];
  if (exclusiveMinimum !== undefined) words.push(`above ${exclusiveMinimum}`);
  else if (minimum !== undefined && !isEndless(minimum)) words.push(`from ${minimum}`);
  if (exclusiveMaximum !== undefined) words.push(`below ${exclusiveMaximum}`);
  else if (maximum !== undefined && !isEndless(maximum)) {
    words.push(words[0]?.startsWith("from") ? `to ${maximum}` : `at most ${maximum}`);
  }
  const text = words.join(words[1]?.startsWith("to") ? " " : ", ");
  return text === "" ? "" : ` ${text}`;
}

function listWords(shape: Shape): string {
  const { minItems = 0, maxItems } = shape;
  const of = shape.items === undefined ? "" : `, each ${offerOf(shape.items)}`;
  if (maxItems !== undefined) return `a list of ${minItems} to ${maxItems}${of}`;
  return minItems > 0 ? `a list of ${minItems} or more${of}` : `a list${of}`;
}

/** What may be given, in words: `a whole number from 1 to 1024`. */
export function offerOf(shape: Shape | undefined): string {
  if (shape === undefined) return "another value";
  if (shape.title !== undefined) return shape.title;
  if (shape.const !== undefined) return JSON.stringify(shape.const);
  if (shape.enum !== undefined) return orWords(shape.enum.map((value) => JSON.stringify(value)));
  if (shape.anyOf !== undefined) return orWords(shape.anyOf.map(offerOf));
  const types = typeof shape.type === "string" ? [shape.type] : (shape.type ?? []);
  return types.length === 0 ? "a value" : orWords(types.map((type) => typeWords(type, shape)));
}

function typeWords(type: string, shape: Shape): string {
  switch (type) {
    case "integer":
      return `a whole number${rangeWords(shape)}`;
    case "number":
      return `a number${rangeWords(shape)}`;
    case "string":
      return "a text";
    case "boolean":
      return "true or false";
    case "array":
      return listWords(shape);
    case "object": {
      const keys = keysOf(shape);
      return keys.length === 0 ? "an object" : `an object with ${keys.join(", ")}`;
    }
    default:
      return type;
  }
}

function orWords(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
