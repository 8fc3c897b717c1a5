/** `npm run tools [NAME…]`: downloads missing programs into .tools/bin of this project. */
import { loadConfig } from "../../config";
import { TOOLS } from "../../catalog/versions";
import { fetchTool, isInstalled, TOOL_NAMES, type ToolName } from "../toolbox/downloads";
import { confirm, Failure, inStep, isInteractive, say } from "../terminal/ui";

export interface ToolsOptions {
  readonly yes: boolean;
}

/** @param names programs to download; by default, those that a deployment needs */
export async function tools(names: readonly string[], options: ToolsOptions): Promise<void> {
  const unknown = names.find((name) => !(TOOL_NAMES as string[]).includes(name));
  if (unknown !== undefined) throw new Failure(`There is no tool ${unknown}.`, `Tools: ${TOOL_NAMES.join(", ")}`);
  const needed: ToolName[] = [loadConfig().terraform, "kubectl"];
  const wanted = (names.length ? names : needed) as ToolName[];
  const missing: ToolName[] = [];
  for (const name of wanted) {
    if (await isInstalled(name)) say(`${name} is installed.`);
    else missing.push(name);
  }
  await offerTools(missing, options.yes);
}

/** Downloads the missing programs if the user agrees. @throws Failure if the user declines, or without a terminal */
export async function offerTools(missing: readonly ToolName[], yes: boolean): Promise<void> {
  if (!missing.length) return;
  const list = missing
    .map((name) => `${name} ${TOOLS[name].version} from ${new URL(TOOLS[name].host).host}`)
    .join(", ");
  const what = `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not installed.`;
  if (!yes && !isInteractive())
    throw new Failure(
      what,
      `Download into .tools/bin of this project: npm run tools -- ${missing.join(" ")} --yes. Or install manually.`,
    );
  if (!yes && !(await confirm(`${what} Download ${list} into .tools/bin, checked by SHA-256?`)))
    throw new Failure("Nothing was downloaded.", "Install them manually, or run npm run tools again and answer y.");
  for (const name of missing)
    await inStep(name, async (step) => {
      step.doing("downloading");
      return `${TOOLS[name].version} in ${await fetchTool(name)}`;
    });
}
