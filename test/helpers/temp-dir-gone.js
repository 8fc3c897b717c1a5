/** Ends what temp-dir.js began. */
const fs = require("node:fs");

module.exports = async () => fs.rmSync(process.env.TMPDIR, { recursive: true, force: true });
