/** `npm run eject`: writes the four layers as plain Terraform that uses the same states, to continue without CDKTF. */
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

/** Our charts keep their path relative to a layer, because Terraform compares this path. */
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
  say(`Written to ${path.relative(process.cwd(), out) || "."}. Next steps: README.md in that folder.`);
}

const readme = (terraform: string, backend: string): string => `# The four layers as plain Terraform

Written by \`npm run eject\` from the configuration at that time. They use the existing states (backend \`${backend}\`), so
the first plan of each layer is empty:

\`\`\`sh
for layer in ${LAYERS.join(" ")}; do
  ${terraform} -chdir=${LAYER_DEPTH.join("/")}/$layer init
  ${terraform} -chdir=${LAYER_DEPTH.join("/")}/$layer plan
done
\`\`\`

Apply in this order, destroy in reverse order. The layers that each layer reads through \`terraform_remote_state\`:

${LAYERS.map((layer) => `- **${layer}**: ${UPSTREAM[layer].join(", ") || "nothing"}`).join("\n")}

What changes without CDKTF:

- The configuration is fixed in the files: config.yaml and \`IAC_…\` variables have no effect.
- The images are pinned to the deployed digests. If their sources change, build and push them yourself and set
  the new digests in layer \`images\`.
- Manual changes inside workloads, which \`npm run diff\` finds, do not appear in Terraform's plan (the reason is in
  docs/decisions/0001-replica-count.md of the project).
- A destroy does not remove the objects that charts leave behind, which \`npm run down\` removes.
`;
