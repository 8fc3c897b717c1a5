/** Tests allowed origins. */
import { describe, expect, it } from "vitest";
import { startApi } from "../helpers/api";
import { hasRedis } from "../helpers/redis";

describe.skipIf(!hasRedis)("the API with a list of origins", () => {
  it("allows only the listed origins", async () => {
    const strict = await startApi("redis://127.0.0.1:1", undefined, {
      ALLOWED_ORIGINS: "https://a.example, https://b.example",
    });
    const allowed = async (origin: string) =>
      (await strict.fetch("/livez", { headers: { origin } })).headers.get("access-control-allow-origin");
    expect(await allowed("https://b.example")).toBe("https://b.example");
    expect(await allowed("https://c.example")).toBeNull();
    await strict.server.stop();
  });
});
