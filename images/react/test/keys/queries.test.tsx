import { waitFor } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { api, Keys, keysShown, respond, show } from "../components";

describe("the list of keys", () => {
  it("merges pages, sorted and without duplicates", async () => {
    for (const key of ["e", "a", "d", "b", "c"]) api.data.set(key, "v");
    show(<Keys />);
    await waitFor(() => expect(keysShown()).toBe("a b c d e"));
    expect(api.requests.map((a) => a.path)).toEqual([
      "/api/items?limit=1000",
      "/api/items?limit=1000&cursor=2",
      "/api/items?limit=1000&cursor=4",
    ]);
    // nothing written yet: any replica can answer
    expect(api.requests.every((a) => !a.headers.has("consistency"))).toBe(true);
  });

  it("restarts if the replica that issued its cursor is no longer available", async () => {
    for (const key of ["a", "b", "c"]) api.data.set(key, "v");
    let failures = 1;
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) =>
      path.includes("cursor") && failures-- > 0 ? respond(410, '{"error":"gone"}') : api.handle(path, init),
    );
    show(<Keys />);
    await waitFor(() => expect(keysShown()).toBe("a b c"));
  });

  it("gives up after several restarts and shows the reason", async () => {
    for (const key of ["a", "b", "c"]) api.data.set(key, "v");
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) =>
      path.includes("cursor") ? respond(410, '{"error":"the cursor has expired"}') : api.handle(path, init),
    );
    show(<Keys />);
    await waitFor(() => expect(keysShown()).toBe("the cursor has expired"));
  });

  it("lets the API search with a pattern", async () => {
    show(<Keys search="a*" />);
    await waitFor(() => expect(api.requests).toHaveLength(1));
    expect(new URL(api.requests[0]!.path, "http://page").searchParams.get("match")).toBe("*[aA]\\**");
  });
});
