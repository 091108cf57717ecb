/** `npm run test:slow`: the tests that take minutes, which `npm test` leaves out. Run from the project's folder. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/slow/**/*.test.ts"],
    pool: "forks",
    testTimeout: 30 * 60_000,
  },
});
