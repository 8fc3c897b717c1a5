/** End-to-end tests on the configured cluster: one file per tier, with its steps in order. */
module.exports = {
  ...require("./jest.config.js"),
  globalSetup: null,
  globalTeardown: null,
  testPathIgnorePatterns: [],
  testMatch: ["<rootDir>/test/e2e/*.e2e.ts"],
  testTimeout: 900_000,
  maxWorkers: 1,
  bail: 1,
  verbose: true,
};
