/** Gives the tests and their processes their own folder for temporary files. */
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

module.exports = async () => {
  process.env.TMPDIR = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-tests-"));
};
