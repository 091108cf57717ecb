import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { WriteBudget } from "../../../src/device/write-back/write-budget.ts";
import { testSeed } from "../../support/seed.ts";

const DAY_SECONDS = 86_400;
/** A byte a millisecond: whole seconds then refill whole bytes. */
const BYTES_PER_DAY = 1000 * DAY_SECONDS;

function budgetOf() {
  const clock = new ManualClock();
  return { clock, budget: new WriteBudget({ bytesPerDay: BYTES_PER_DAY, clock }) };
}

const bytes = fc.integer({ min: 0, max: BYTES_PER_DAY / 2 });
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("take" as const), bytes }),
    fc.record({ kind: fc.constant("overdraw" as const), bytes }),
    fc.record({ kind: fc.constant("refund" as const), bytes }),
    fc.record({ kind: fc.constant("wait" as const), seconds: fc.nat(DAY_SECONDS) }),
  ),
  { maxLength: 60 },
);

function check(property: fc.IRawProperty<unknown>): void {
  fc.assert(property, { seed: testSeed("WriteBudget"), numRuns: 500 });
}

describe("WriteBudget", () => {
  it("lets no stretch of time take more than a day's bytes and what it refills", () => {
    check(
      fc.property(steps, (all) => {
        const { clock, budget } = budgetOf();
        const taken: { readonly at: number; readonly bytes: number }[] = [];
        for (const step of all) {
          if (step.kind === "wait") clock.advance(step.seconds);
          else if (step.kind === "take" && budget.take(step.bytes))
            taken.push({ at: clock.seconds(), bytes: step.bytes });
        }
        taken.forEach((first, index) => {
          let sum = 0;
          for (const { at, bytes } of taken.slice(index)) {
            sum += bytes;
            const mostBytes = BYTES_PER_DAY + (at - first.at) * 1000;
            // The level is not kept in whole bytes.
            expect(sum).toBeLessThanOrEqual(mostBytes + 0.001);
          }
        });
      }),
    );
  });

  it("keeps the account of a bucket that is filled second by second", () => {
    check(
      fc.property(steps, (all) => {
        const { clock, budget } = budgetOf();
        let level = BYTES_PER_DAY;
        for (const step of all) {
          if (step.kind === "wait") {
            clock.advance(step.seconds);
            for (let second = 0; second < step.seconds && level < BYTES_PER_DAY; second++)
              level = Math.min(level + 1000, BYTES_PER_DAY);
          } else if (step.kind === "take") {
            const isThere = level >= step.bytes;
            // Within rounding of the last byte either answer is right.
            if (budget.take(step.bytes)) level -= step.bytes;
            else expect(isThere && level - step.bytes > 0.001).toBe(false);
          } else if (step.kind === "overdraw") {
            budget.overdraw(step.bytes);
            level -= step.bytes;
          } else {
            budget.refund(step.bytes);
            level = Math.min(level + step.bytes, BYTES_PER_DAY);
          }
          expect(Math.abs(budget.availableBytes - Math.max(level, 0))).toBeLessThanOrEqual(1);
          expect(Math.abs(budget.overdrawnBytes - Math.max(-level, 0))).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("refuses what is not there, and takes nothing then", () => {
    const { budget } = budgetOf();
    expect(budget.take(BYTES_PER_DAY + 1)).toBe(false);
    expect(budget.take(BYTES_PER_DAY)).toBe(true);
    expect(budget.take(1)).toBe(false);
  });

  it("holds no more than a day's bytes, however long nothing is taken", () => {
    const { budget, clock } = budgetOf();
    clock.advance(10 * DAY_SECONDS);
    expect(budget.availableBytes).toBe(BYTES_PER_DAY);
  });

  it("has the refill pay what is overdrawn before anything can be taken", () => {
    const { budget, clock } = budgetOf();
    budget.overdraw(BYTES_PER_DAY + 5000);
    expect(budget.overdrawnBytes).toBe(5000);
    clock.advance(5);
    expect(budget.overdrawnBytes).toBe(0);
    expect(budget.take(1)).toBe(false);
    clock.advance(1);
    expect(budget.take(1000)).toBe(true);
  });

  it("tells what was ever overdrawn after it is paid back", () => {
    const { budget, clock } = budgetOf();
    budget.overdraw(BYTES_PER_DAY - 1000);
    for (const bytes of [3000, 500]) budget.overdraw(bytes);
    clock.advance(DAY_SECONDS);
    expect(budget.everOverdrawnBytes).toBe(2500);
  });

  it("counts what is refunded as never overdrawn", () => {
    const { budget } = budgetOf();
    budget.overdraw(BYTES_PER_DAY + 3000);
    budget.refund(4000);
    expect(budget.everOverdrawnBytes).toBe(0);
    expect(budget.availableBytes).toBe(1000);
  });

  it("takes anything at any time without a limit", () => {
    const clock = new ManualClock();
    const budget = new WriteBudget({ bytesPerDay: undefined, clock });
    budget.overdraw(2 ** 50);
    clock.advance(1);
    budget.refund(2 ** 40);
    expect(budget.take(2 ** 50)).toBe(true);
    expect(budget.availableBytes).toBe(Number.POSITIVE_INFINITY);
    expect(budget.overdrawnBytes + budget.everOverdrawnBytes).toBe(0);
  });
});
