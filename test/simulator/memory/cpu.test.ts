/** Processor time, in sums anybody can do. */

import { describe, expect, it } from "vitest";
import { Cpu } from "../../../src/simulator/memory/cpu.ts";

describe("Cpu", () => {
  it("has idle what no guest wanted of a step, until scanners take it", () => {
    const cpu = new Cpu(2);
    cpu.endStep(0.1, 0.05);
    expect(cpu.idleSeconds).toBeCloseTo(0.15, 12);
    cpu.chargeScanner(0.1);
    expect(cpu.idleSeconds).toBeCloseTo(0.05, 12);
    cpu.chargeScanner(0.1);
    expect(cpu.idleSeconds).toBe(0);
    expect(cpu.scannerSeconds).toBeCloseTo(0.2, 12);
  });

  it("has none idle where guests want more than there is", () => {
    const cpu = new Cpu(2);
    cpu.endStep(0.1, 0.3);
    expect(cpu.idleSeconds).toBe(0);
  });

  it("costs guests nothing where there was time for scanners too", () => {
    const cpu = new Cpu(2);
    cpu.chargeScanner(0.1);
    cpu.endStep(0.1, 0.1);
    expect(cpu.lostSeconds).toBe(0);
    expect(cpu.guestSeconds).toBeCloseTo(0.1, 12);
  });

  it("costs guests what scanners took beyond what was left", () => {
    const cpu = new Cpu(2);
    cpu.chargeScanner(0.1);
    cpu.endStep(0.1, 0.15);
    expect(cpu.lostSeconds).toBeCloseTo(0.05, 12);
    cpu.endStep(0.1, 0.2);
    expect(cpu.lostSeconds).toBeCloseTo(0.05, 12);
  });
});
