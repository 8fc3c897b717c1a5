/** What the tests and their processes leave in the folder for temporary files lies in one of their own. */
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

module.exports = async () => {
  process.env.TMPDIR = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-tests-"));
};
