/** `npm run eject`: the four layers as plain Terraform, for a life without CDKTF, on the same state. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_ROOT } from "../../catalog/paths";
import { loadConfig } from "../../config";
import { LAYERS, UPSTREAM } from "../../stacks/outputs";
import { plainTerraform } from "../terraform/plain-terraform";
import { synth } from "../terraform/synth";
import { OUT_DIR } from "../terraform/terraform";
import { emptyFolder } from "../terminal/empty-folder";
import { say } from "../terminal/ui";

/** Charts of ours stand at the same place relative to a layer as they do here: Terraform compares the path. */
const LAYER_DEPTH = ["terraform", "layers"] as const;
const CHARTS = path.join("modules", "charts");

export async function eject(options: { out: string }): Promise<void> {
  const config = loadConfig();
  const out = emptyFolder("eject", options.out);
  await synth(config);
  for (const layer of LAYERS) {
    const to = path.join(out, ...LAYER_DEPTH, layer);
    fs.mkdirSync(to, { recursive: true });
    const stack = JSON.parse(fs.readFileSync(path.join(OUT_DIR, "stacks", layer, "cdk.tf.json"), "utf8")) as never;
    const plain = plainTerraform(stack, { to, project: PROJECT_ROOT });
    fs.writeFileSync(path.join(to, "main.tf.json"), `${JSON.stringify(plain, null, 2)}\n`);
  }
  fs.cpSync(path.join(PROJECT_ROOT, CHARTS), path.join(out, CHARTS), { recursive: true });
  fs.writeFileSync(path.join(out, "README.md"), readme(config.terraform, config.state.backend));
  say(`Written to ${path.relative(process.cwd(), out) || "."}; README.md there says how to go on.`);
}

const readme = (terraform: string, backend: string): string => `# The four layers as plain Terraform

Written by \`npm run eject\` from the configuration of that moment. They use the state that was there (backend \`${backend}\`), so
the first plan of each is empty:

\`\`\`sh
for layer in ${LAYERS.join(" ")}; do
  ${terraform} -chdir=${LAYER_DEPTH.join("/")}/$layer init
  ${terraform} -chdir=${LAYER_DEPTH.join("/")}/$layer plan
done
\`\`\`

Apply in this order, destroy in the opposite one. What each reads of others, by \`terraform_remote_state\`:

${LAYERS.map((layer) => `- **${layer}**: ${UPSTREAM[layer].join(", ") || "nothing"}`).join("\n")}

What stays behind with CDKTF: the configuration is fixed in the files; images are the ones that were deployed, by digest
(after a change of their sources build and push them yourself, and set the new digests in layer \`images\`); \`diff\`'s look for
changes made by hand inside workloads (docs/decisions/0001-replica-count.md of the project says why Terraform's plan does
not show them); what \`down\` removes after charts.
`;
