import { describe, expect, it } from "vitest";
import { planRuns } from "../../../src/simulator/scenario/plan.ts";

const SCENARIO = {
  title: "Small",
  seconds: 10,
  guests: [{ memory: "64M", workload: { kind: "idle-desktop" } }],
  scanner: { kind: "linear", pages_to_scan: 50 },
};

const COMPARED = {
  ...SCENARIO,
  variants: [
    { name: "page by page", set: { "scanner.kind": "linear" } },
    { name: "with hints", set: { "scanner.kind": "hinted", "scanner.hint_buffer": 8 } },
  ],
};

function plan(value: unknown, options: Partial<Parameters<typeof planRuns>[1]> = {}) {
  return planRuns(value, { source: "mine", set: {}, sweep: {}, ...options });
}

describe("planRuns", () => {
  it("makes one run, called as its scanner, of a scenario without variants", () => {
    const { title, runs } = plan(SCENARIO);
    expect(title).toBe("Small");
    expect(runs).toEqual([
      { name: "linear", variant: "", point: "", settings: {}, scenario: SCENARIO },
    ]);
  });

  it("applies what each variant sets, and names it", () => {
    const [one, other] = plan(COMPARED).runs;
    expect(one).toMatchObject({ name: "page by page", settings: { "scanner.kind": "linear" } });
    expect(one!.scenario).not.toHaveProperty("variants");
    expect(other!.scenario).toMatchObject({
      scanner: { kind: "hinted", pages_to_scan: 50, hint_buffer: 8 },
    });
  });

  it("makes each combination of several sweeps, the last moving fastest, with each variant", () => {
    const sweep = { seconds: [1, 2], "host.cores": [1, 2] };
    const names = plan(COMPARED, { sweep }).runs.map(({ name }) => name);
    expect(names).toHaveLength(8);
    expect(names.slice(0, 4)).toEqual([
      "page by page seconds=1 cores=1",
      "page by page seconds=1 cores=2",
      "page by page seconds=2 cores=1",
      "page by page seconds=2 cores=2",
    ]);
  });

  it("writes keys out in names where their last parts are equal", () => {
    const sweep = { "host.memory": ["1G"], "guests.0.memory": ["32M"] };
    expect(plan(SCENARIO, { sweep }).runs[0]!.name).toBe("host.memory=1G guests.0.memory=32M");
  });

  it("gives a variant those parameters set or swept that its scanner knows", () => {
    const sweep = { "scanner.hint_share": [0.25] };
    const [one, other] = plan(COMPARED, { sweep, set: { "scanner.hint_order": "random" } }).runs;
    expect(one!.scenario).toMatchObject({ scanner: { kind: "linear", pages_to_scan: 50 } });
    expect(one!.scenario).not.toHaveProperty("scanner.hint_share");
    expect(other!.scenario).toMatchObject({
      scanner: { kind: "hinted", hint_share: 0.25, hint_order: "random" },
    });
  });

  it.each([
    ["scanner.hint_bufer", "scanner.hint_bufer is unknown: did you mean hint_buffer?"],
    ["hots.memory", "hots is unknown: did you mean host?"],
    ["guests.0.workload.uses", "guests[0].workload.uses is unknown"],
  ])("refuses a sweep of %s, which nobody knows", (key, message) => {
    const variants = [{ name: "hints", set: { "scanner.kind": "hinted" } }];
    expect(() => plan({ ...SCENARIO, variants }, { sweep: { [key]: [1, 2] } })).toThrow(message);
  });

  it("says at which point of a sweep a value does not fit", () => {
    const sweep = { "guests.0.memory": ["64M", "4G"] };
    expect(() => plan(COMPARED, { sweep })).toThrow(
      "mine (page by page memory=4G): guests[0].memory cannot be 4.0 GiB",
    );
  });

  it("says which variant does not fit", () => {
    const variants = [{ name: "wrong", set: { "host.cores": 0 } }];
    expect(() => plan({ ...SCENARIO, variants })).toThrow("mine (wrong): host.cores cannot be 0");
  });

  it.each([
    [{ set: { "scanner.kind": "random" } }, "leave them out with --set variants=[]"],
    [{ set: { scanner: { kind: "random" } } }, "the variants of mine differ in it"],
    [{ sweep: { "scanner.hint_buffer": [1] } }, '("with hints" sets scanner.hint_buffer)'],
    [{ set: { seconds: 3 }, sweep: { seconds: [4] } }, "leave one of both out"],
    [{ sweep: { host: [{ cores: 2 }], "host.cores": [4] } }, "set the same key"],
  ])("refuses %j, where a key would be set twice over", (options, message) => {
    expect(() => plan(COMPARED, options)).toThrow(message);
  });

  it("leaves variants out where that is set", () => {
    const set = { variants: [], "scanner.kind": "random" };
    expect(plan(COMPARED, { set }).runs.map(({ name }) => name)).toEqual(["random"]);
  });

  it("refuses two variants of one name", () => {
    const variants = [
      { name: "a", set: {} },
      { name: "b", set: {} },
      { name: "a", set: { seconds: 3 } },
    ];
    expect(() => plan({ ...SCENARIO, variants })).toThrow(
      'mine: variants[2].name cannot be "a": another variant has that name',
    );
  });

  it("refuses more runs than 1000 before it makes any", () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    const sweep = { seconds: values, sample_seconds: values, "host.cores": values };
    expect(() => plan(COMPARED, { sweep })).toThrow(
      "makes 2000000 runs (2 variants x 100 x 100 x 100), and at most 1000 are possible",
    );
  });
});
