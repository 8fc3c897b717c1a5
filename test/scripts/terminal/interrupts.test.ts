/** ^C and SIGTERM on a real process: the program that is running finishes, and no other one starts. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../../catalog/paths";

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-stop-"));
afterAll(() => fs.rmSync(dir, { recursive: true }));

// two programs in sequence; the first handles an interrupt as Terraform does, and finishes; the busy loop simulates a
// slow machine
const SCRIPT = `
  import { handleInterrupts } from ${JSON.stringify(path.join(PROJECT_ROOT, "scripts/terminal/interrupts"))};
  import { run } from ${JSON.stringify(path.join(PROJECT_ROOT, "scripts/terminal/run-program"))};
  async function main() {
    handleInterrupts();
    setInterval(() => { for (const end = Date.now() + 150; Date.now() < end; ); }, 160).unref();
    await run("sh", ["-c", "trap 'sleep 0.3; echo kept >kept; exit 1' INT; echo begun >begun; sleep 20 >/dev/null 2>&1 & wait"], { cwd: ${JSON.stringify(dir)}, timeoutMs: 30000 });
    await run("sh", ["-c", "echo second >second"], { cwd: ${JSON.stringify(dir)}, timeoutMs: 1000 });
  }
  main().catch((e) => { console.error(e.message); process.exit(e.exitCode ?? 1); });
`;

it.each(["SIGTERM", "SIGINT"] as const)(
  "after %s, a running program can finish, and no other one starts",
  async (signal) => {
    for (const file of ["begun", "kept", "second"]) fs.rmSync(path.join(dir, file), { force: true });
    const file = path.join(dir, "main.ts");
    fs.writeFileSync(file, SCRIPT);
    // as npm starts it
    const bootstrap = path.join(PROJECT_ROOT, "scripts/bootstrap.mjs");
    const program = `import(${JSON.stringify(bootstrap)}).then(async (b) => process.exit(await b.runScript(${JSON.stringify(file)}, [])))`;
    const child = spawn(process.execPath, ["-e", program], { cwd: PROJECT_ROOT, detached: true });
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    for (let i = 0; i < 400 && !fs.existsSync(path.join(dir, "begun")); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(output).toBe("");
    // ^C reaches the whole process group, as on a terminal; SIGTERM reaches only the process itself
    process.kill(signal === "SIGINT" ? -child.pid! : child.pid!, signal);
    // npm forwards the signal once more
    process.kill(child.pid!, signal);
    expect(await ended).toBe(130);
    expect(output).toContain("Stopping");
    expect(output).toContain("Stopped on request.");
    expect(fs.existsSync(path.join(dir, "kept"))).toBe(true);
    expect(fs.existsSync(path.join(dir, "second"))).toBe(false);
  },
);
