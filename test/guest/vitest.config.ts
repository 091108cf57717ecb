/** `npm run test:guest`: real kernels that swap to our server, in minutes. Run from the project's folder. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/guest/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    hookTimeout: 20 * 60_000,
  },
});
