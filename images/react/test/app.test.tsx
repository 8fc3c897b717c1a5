/** The page's components against an API in memory that answers as the real one does. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { App } from "../src/app";

let data: Map<string, string>;
let down: boolean;

const respond = (status: number, body: string) => new Response(body, { status });

async function api(path: string, init: RequestInit = {}): Promise<Response> {
  if (down) return respond(503, JSON.stringify({ error: "Redis is not reachable" }));
  const url = new URL(path, "http://page");
  const id = url.searchParams.get("id") ?? "";
  const body = init.body ? (JSON.parse(init.body as string) as { id: string; val: string }) : undefined;
  if (url.pathname === "/api/") return respond(200, "It is working, good job 0a1b2c3d-server 1700000000000");
  if (url.pathname === "/api/items") return respond(200, JSON.stringify([...data.keys()]));
  if (init.method === "POST") data.set(body!.id, body!.val);
  else if (init.method === "DELETE") data.delete(body!.id);
  else return data.has(id) ? respond(200, data.get(id)!) : respond(404, "");
  return respond(200, "ok");
}

beforeEach(() => {
  data = new Map();
  down = false;
  vi.stubGlobal("fetch", vi.fn(api));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>,
  );
  return userEvent.setup();
}
const row = async (id: string) => (await screen.findByText(id)).closest("li")!;

describe("the page", () => {
  it("lists keys in order, with their values", async () => {
    data.set("b", "two").set("a", "one");
    open();
    await row("a");
    expect(screen.getAllByRole("listitem").map((li) => li.querySelector(".key")!.textContent)).toEqual(["a", "b"]);
    expect(await within(await row("b")).findByText("two")).toBeTruthy();
    // nothing written yet: any replica will do
    const calls = vi.mocked(fetch).mock.calls as unknown as [string, RequestInit][];
    expect(calls.every(([, init]) => !init.headers)).toBe(true);
  });

  it("says so where there are no keys", async () => {
    open();
    expect(await screen.findByText(/No keys yet/)).toBeTruthy();
  });

  it("adds a key, shows it and is ready for the next", async () => {
    const user = open();
    await user.type(screen.getByLabelText("Key"), "colour");
    await user.type(screen.getByLabelText("Value"), "blue");
    await user.click(screen.getByRole("button", { name: "Add" }));
    expect(within(await row("colour")).getByText("blue")).toBeTruthy();
    expect(data.get("colour")).toBe("blue");
    expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe("");
    expect(document.activeElement).toBe(screen.getByLabelText("Key"));
  });

  it("reads from main right after its own writes, so that they are seen", async () => {
    const user = open();
    await user.type(await screen.findByLabelText("Key"), "colour");
    await user.type(screen.getByLabelText("Value"), "blue");
    const asked = vi.mocked(fetch).mock.calls.length;
    await user.click(screen.getByRole("button", { name: "Add" }));
    await row("colour");
    const after = await waitFor(() => {
      const calls = vi.mocked(fetch).mock.calls.slice(asked) as [string, RequestInit][];
      const list = calls.find(([path]) => path === "/api/items");
      expect(list).toBeDefined();
      return list!;
    });
    expect(after[1].headers).toEqual({ consistency: "strong" });
  });

  it("shows a key once where the API names it twice", async () => {
    vi.stubGlobal(
      "fetch",
      vi.fn((path: string, init: RequestInit) =>
        path === "/api/items" ? Promise.resolve(respond(200, '["a","a"]')) : api(path, init),
      ),
    );
    open();
    await row("a");
    expect(screen.getAllByRole("listitem")).toHaveLength(1);
  });

  it("edits a value in place, and Cancel keeps the old one", async () => {
    data.set("colour", "blue");
    const user = open();
    await within(await row("colour")).findByText("blue");
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    const input = screen.getByLabelText("Value of colour");
    await user.clear(input);
    await user.type(input, "red");
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(data.get("colour")).toBe("blue");
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    await user.clear(screen.getByLabelText("Value of colour"));
    await user.type(screen.getByLabelText("Value of colour"), "red{Enter}");
    expect(await within(await row("colour")).findByText("red")).toBeTruthy();
    expect(data.get("colour")).toBe("red");
  });

  it("deletes a key", async () => {
    data.set("colour", "blue");
    const user = open();
    await row("colour");
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    await waitFor(() => expect(screen.queryByText("colour")).toBeNull());
    expect(data.has("colour")).toBe(false);
  });

  it("filters by what is typed", async () => {
    data.set("apple", "1").set("pear", "2");
    const user = open();
    await row("pear");
    await user.type(screen.getByLabelText("Filter keys"), "APP");
    expect(screen.queryByText("pear")).toBeNull();
    expect(screen.getByText("apple")).toBeTruthy();
  });

  it("draws 200 rows at most, and says how many more there are", async () => {
    for (let i = 0; i < 1000; i++) data.set(`key-${i}`, "v");
    open();
    expect(await screen.findByText(/800 more/)).toBeTruthy();
    expect(screen.getAllByRole("listitem")).toHaveLength(200);
  });

  it("tells which server answered", async () => {
    open();
    expect(await screen.findByText("0a1b2c3d")).toBeTruthy();
  });

  it("says why where the API fails, and tries again on request", async () => {
    down = true;
    const user = open();
    expect((await screen.findByRole("alert")).textContent).toContain("Redis is not reachable");
    down = false;
    data.set("back", "again");
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await row("back")).toBeTruthy();
  });

  it("keeps what was typed where it could not be saved", async () => {
    const user = open();
    await screen.findByText(/No keys yet/);
    down = true;
    await user.type(screen.getByLabelText("Key"), "colour");
    await user.click(screen.getByRole("button", { name: "Add" }));
    expect((await screen.findByText(/Not saved: Redis is not reachable/)).getAttribute("role")).toBe("alert");
    expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe("colour");
  });
});
