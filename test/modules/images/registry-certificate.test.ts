/** A registry whose certificate Node.js refuses. */
import * as fs from "node:fs";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { tagState } from "../../../modules/images/registry";
import { Authority, hasOpenssl } from "../../helpers/authority";

/** Queries a real server that has a certificate for the given names. */
async function ask(...names: string[]): Promise<object> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "iacproject-test-"));
  const authority = new Authority();
  authority.issue(folder, ...names);
  const file = (name: string) => fs.readFileSync(path.join(folder, name));
  const server = https.createServer({ key: file("tls.key"), cert: file("tls.crt") }, (_, s) => s.writeHead(404).end());
  try {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const push = `localhost:${(server.address() as AddressInfo).port}/team`;
    return await tagState({ push, insecure: false, auth: "none", dockerConfig: "/nowhere" }, "node", "abc");
  } finally {
    server.close();
    authority.remove();
    fs.rmSync(folder, { recursive: true });
  }
}

(hasOpenssl ? it : it.skip)(
  "a certificate of a company's own authority is refused, and the error names the variable that helps",
  async () => {
    await expect(ask("localhost")).resolves.toEqual({
      state: "unreachable",
      reason: expect.stringMatching(
        /^localhost:\d+: its certificate was issued by an authority .*set NODE_EXTRA_CA_CERTS/,
      ),
    });
  },
);
