import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonErrorOffset } from "../../../src/simulator/scenario/json-offset.ts";
import { testSeed } from "../../support/seed.ts";

const seed = testSeed("jsonErrorOffset");

describe("jsonErrorOffset", () => {
  it.each([
    ["", 0],
    ["  ", 2],
    ["{", 1],
    ["[1", 2],
    ["[1,]", 3],
    ["{,}", 1],
    ['{"a" 1}', 5],
    ['{"a": }', 6],
    ['{"a": 1,}', 8],
    ['{"a": 1 "b": 2}', 8],
    ["[1 2]", 3],
    ["[tru]", 1],
    ["[01]", 2],
    ["[1.]", 2],
    ["['a']", 1],
    ['["a]', 1],
    ['["a\\x"]', 1],
    ["[1}", 2],
    ['{"a": [{}, []] ]', 15],
    ["1 2", 2],
    ["[] {}", 3],
    ["// no", 0],
  ])("finds where %j goes wrong", (text, offset) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonErrorOffset(text)).toBe(offset);
  });

  it("goes through all of a text that is JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(jsonErrorOffset(text)).toBe(text.length);
      }),
      { seed, numRuns: 300 },
    );
  });

  it("finds a character that cannot stand anywhere, put between two values", () => {
    const lists = fc.array(fc.array(fc.oneof(fc.integer(), fc.boolean(), fc.string())));
    fc.assert(
      fc.property(lists, fc.nat(), (list, place) => {
        const text = JSON.stringify(list);
        const commas = [...text.matchAll(/\],\[/g)].map((match) => match.index + 1);
        fc.pre(commas.length > 0);
        const at = commas[place % commas.length]!;
        // A string may hold what looks like a gap between two lists.
        fc.pre(!list.flat().some((item) => typeof item === "string" && item.includes("]")));
        expect(jsonErrorOffset(`${text.slice(0, at)}@${text.slice(at)}`)).toBe(at);
      }),
      { seed, numRuns: 300 },
    );
  });

  it("takes a hundred thousand open brackets", () => {
    const text = "[".repeat(100_000);
    expect(jsonErrorOffset(text)).toBe(text.length);
  });
});
