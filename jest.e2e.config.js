/** Tests on the configured cluster, one file a tier, in the order of their steps. */
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
