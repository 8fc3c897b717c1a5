/** Gives the tests and their child processes a separate folder for temporary files. */
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

module.exports = async () => {
  process.env.TMPDIR = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-tests-"));
};
