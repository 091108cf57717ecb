import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**", "test/guest/**"],
    pool: "forks",
    testTimeout: 60_000,
  },
});
