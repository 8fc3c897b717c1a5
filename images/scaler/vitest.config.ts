import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/helpers/temp-dir.ts",
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // the tests spend most of their time waiting
    maxWorkers: 4,
  },
});
