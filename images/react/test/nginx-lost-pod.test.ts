/** @vitest-environment node */
/**
 * The API's Service sends new connections to a pod on a lost node, too, until Kubernetes has noticed the loss. Here,
 * half of nginx's attempts to connect go to a suspended process that no longer accepts connections.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasNginx } from "./nginx";
import { nginxBeforeApi } from "./nginx-setup";

const SERVER = "server ${API} max_fails=0;";
const LISTENER = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 },
  function () { console.log(this.address().port); })`;

describe.skipIf(!hasNginx("tests of nginx with a lost API pod"))(
  "nginx, while every other connection to the API is lost",
  () => {
    let lost: ChildProcess;
    let port: string;
    const waiting: Socket[] = [];
    beforeAll(async () => {
      lost = spawn(process.execPath, ["-e", LISTENER], { stdio: ["ignore", "pipe", "inherit"] });
      port = await new Promise((done) => lost.stdout!.once("data", (line: Buffer) => done(String(line).trim())));
      lost.kill("SIGSTOP");
      // the kernel accepts a few connections on the process's behalf
      for (let i = 0; i < 4; i++) waiting.push(connect(Number(port), "127.0.0.1").on("error", () => undefined));
    });
    afterAll(() => {
      for (const socket of waiting) socket.destroy();
      lost.kill("SIGKILL");
    });
    const setup = nginxBeforeApi({}, (text) => {
      const [before, ...after] = text.split(SERVER);
      return after.reduce(
        (all, rest, i) => all + (i % 4 < 2 ? SERVER.replace("${API}", `127.0.0.1:${port}`) : SERVER) + rest,
        before!,
      );
    });
    const statuses = async (method: string, path: string) => {
      const begin = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 12 }, () =>
          fetch(`${setup.address}${path}`, { method, ...(method === "POST" ? { body: "id=a&val=b" } : {}) }),
        ),
      );
      expect(performance.now() - begin).toBeLessThan(5000);
      return answers.map((answer) => answer.status);
    };

    it.each([
      ["GET", "/api/item?id=a"],
      ["GET", "/api/items"],
      ["GET", "/api/status"],
      ["POST", "/api/item"],
    ])("answers every %s %s", async (method, path) => {
      expect(await statuses(method, path)).toEqual(Array(12).fill(200));
    });
    it("sends a write to the API only once", async () => {
      await statuses("POST", "/api/item");
      expect(setup.api.seen).toHaveLength(12);
    });
    it("rejects a deletion that it could not send, because nginx could not tell whether to retry it", async () => {
      // answered deletions leave connections that the next ones use
      for (const socket of setup.api.sockets) socket.destroy();
      await expect.poll(() => setup.api.sockets.size).toBe(0);
      const answers = await statuses("DELETE", "/api/item?id=a");
      expect(answers.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      expect(setup.api.seen).toHaveLength(answers.filter((status) => status === 200).length);
    });
  },
);
