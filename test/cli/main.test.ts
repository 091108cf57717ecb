import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { pagefold } from "./pagefold.ts";

describe("pagefold", () => {
  it("prints package.json's version", async () => {
    const { version } = createRequire(import.meta.url)("../../package.json");
    expect(await pagefold("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("explains itself, its commands and its exit codes", async () => {
    const { code, stdout } = await pagefold("--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(/analyze[\s\S]*capture[\s\S]*Exit codes: 0 done; 1 the work failed; 2/);
  });

  it("explains a command with examples", async () => {
    const { code, stdout } = await pagefold("analyze", "--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /--sample[\s\S]*Codecs:[\s\S]*zstd\[:1-22\][\s\S]*Examples:[\s\S]*Exit codes:/,
    );
  });

  it("without a command prints the help to standard error and exits with 2", async () => {
    const { code, stdout, stderr } = await pagefold();
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: pagefold");
  });

  it.each([
    {
      args: ["analyse"],
      says: "unknown command 'analyse' (Did you mean analyze?); see pagefold --help",
    },
    { args: ["analyze"], says: "missing required argument 'file'; see pagefold analyze --help" },
    {
      args: ["analyze", "--fast", "x"],
      says: "unknown option '--fast'; see pagefold analyze --help",
    },
  ])("refuses $args in one line and exits with 2", async ({ args, says }) => {
    expect(await pagefold(...args)).toEqual({ code: 2, stdout: "", stderr: `pagefold: ${says}\n` });
  });
});
