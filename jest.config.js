/** Tests that need no cluster. The end-to-end tests use jest.e2e.config.js. */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testPathIgnorePatterns: ["/test/e2e/"],
  transform: {
    "^.+\\.[jt]s$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "commonjs" } },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!@grafana/)"],
  globalSetup: "<rootDir>/test/helpers/temp-dir.js",
  globalTeardown: "<rootDir>/test/helpers/temp-dir-gone.js",
  testTimeout: 30_000,
};
