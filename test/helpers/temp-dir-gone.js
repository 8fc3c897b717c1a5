/** Removes the folder that temp-dir.js created. */
const fs = require("node:fs");

module.exports = async () => fs.rmSync(process.env.TMPDIR, { recursive: true, force: true });
