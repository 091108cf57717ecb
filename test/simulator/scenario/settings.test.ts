import { describe, expect, it } from "vitest";
import { parsePath, pathText } from "../../../src/simulator/scenario/paths.ts";
import {
  parseSetting,
  parseSweep,
  withSettings,
} from "../../../src/simulator/scenario/settings.ts";

describe("parsePath", () => {
  it("takes indexes between dots and in brackets, and pathText shows them", () => {
    const path = ["guests", 0, "workload", "fill", 12, "pages"];
    expect(parsePath("guests.0.workload.fill[12].pages")).toEqual(path);
    expect(pathText(path)).toBe("guests[0].workload.fill[12].pages");
  });

  it.each(["", ".", "a..b", "a."])("refuses %j", (text) => {
    expect(() => parsePath(text)).toThrow("is no path to a key: give names and indexes");
  });
});

describe("parseSetting", () => {
  it.each([
    ["seconds=5", { key: "seconds", value: 5 }],
    ["host.memory=2G", { key: "host.memory", value: "2G" }],
    ["guests[0].zero_on_free=true", { key: "guests.0.zero_on_free", value: true }],
    ['title="5"', { key: "title", value: "5" }],
    ["title=a=b", { key: "title", value: "a=b" }],
    ["variants=[]", { key: "variants", value: [] }],
    ["title=", { key: "title", value: "" }],
  ])("takes %j apart", (text, setting) => {
    expect(parseSetting(text)).toEqual(setting);
  });

  it.each(["seconds", "=5", ""])("refuses %j", (text) => {
    expect(() => parseSetting(text)).toThrow("give KEY=VALUE, such as --set host.memory=2G");
  });
});

describe("parseSweep", () => {
  it.each([
    ["seconds=5", [5]],
    ["seconds=1, 2,3", [1, 2, 3]],
    ["host.memory=1G,512M", ["1G", "512M"]],
    ["x=1,two,true", [1, "two", true]],
    ['x="a,b",2', ["a,b", 2]],
    ['x=[1,2],{"a":3}', [[1, 2], { a: 3 }]],
  ])("takes %j apart", (text, values) => {
    expect(parseSweep(text).values).toEqual(values);
  });

  it.each(["seconds=", "seconds=1,,2", "seconds=1,"])("refuses a sweep of nothing, %j", (text) => {
    expect(() => parseSweep(text)).toThrow("a value is missing; give values with commas between");
  });

  it("refuses a sweep without values at all", () => {
    expect(() => parseSweep("seconds")).toThrow("give KEY=VALUE, such as --sweep host.memory=2G");
  });

  it("refuses a value given twice", () => {
    expect(() => parseSweep("seconds=1,2,1")).toThrow("has 1 twice");
  });
});

describe("withSettings", () => {
  const base = () => ({
    seconds: 5,
    guests: [{ name: "a", workload: { kind: "fill", fill: [{ pages: 1 }] } }],
    scanner: { kind: "hinted", pages_to_scan: 7, hint_buffer: 3 },
  });

  it("sets keys, there or not, and leaves the scenario it is given alone", () => {
    const before = base();
    const after = withSettings(
      before,
      { seconds: 9, "host.memory": "2G", "guests.0.workload.fill.1.pages": 4 },
      "mine",
    );
    expect(after).toEqual({
      ...base(),
      seconds: 9,
      host: { memory: "2G" },
      guests: [{ name: "a", workload: { kind: "fill", fill: [{ pages: 1 }, { pages: 4 }] } }],
    });
    expect(before).toEqual(base());
  });

  it("keeps the default kind where only a parameter of it is set", () => {
    const after = withSettings({ guests: [] }, { "scanner.pages_to_scan": 5 }, "mine");
    expect(after).toMatchObject({ scanner: { kind: "linear", pages_to_scan: 5 } });
  });

  it("gives another kind those parameters it knows, whatever the order they are set in", () => {
    const settings = { "scanner.pages_to_scan": 8, "scanner.kind": "linear" };
    const after = withSettings(base(), settings, "mine");
    expect(after).toMatchObject({ scanner: { kind: "linear", pages_to_scan: 8 } });
    expect(after).not.toHaveProperty("scanner.hint_buffer");
  });

  it("keeps parameters that no kind knows, so that they are refused", () => {
    const wrong = { ...base(), scanner: { kind: "hinted", hint_bufer: 3 } };
    const after = withSettings(wrong, { "scanner.kind": "linear" }, "mine");
    expect(after).toMatchObject({ scanner: { kind: "linear", hint_bufer: 3 } });
  });

  it.each([
    [{ "seconds.x": 1 }, "mine: seconds is 5, which has no x to set"],
    [{ "guests.2.name": "b" }, "mine: guests has 1 entries; give an index from 0 to 1, not [2]"],
    [{ "guests.first.name": "b" }, "guests has 1 entries; give an index from 0 to 1, not first"],
  ])("refuses %j", (settings, message) => {
    expect(() => withSettings(base(), settings, "mine")).toThrow(message);
  });

  it("sets a key called __proto__ as any other, so that it is refused", () => {
    const after = withSettings(base(), { "__proto__.polluted": 1 }, "mine") as object;
    expect(Object.keys(after)).toContain("__proto__");
    expect({}).not.toHaveProperty("polluted");
  });
});
