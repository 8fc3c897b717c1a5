/** The page's parts in a simulated browser, against an API in memory; the rest is tried in a real one. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AddForm } from "../src/keys/add-form";
import { KeysSection } from "../src/keys/keys-section";
import { useDeletion } from "../src/keys/deletion";
import { useKeys } from "../src/keys/queries";
import { Row } from "../src/keys/row";
import { LiveStrip } from "../src/live/live-strip";
import { Toasts } from "../src/toasts";

let data: Map<string, string>;
/** What every request is answered with, where it is set. */
let trouble: (() => Response) | undefined;
const asked: { path: string; method: string; headers: Headers }[] = [];

const respond = (status: number, body: string) => new Response(body, { status });

async function api(path: string, init: RequestInit = {}): Promise<Response> {
  asked.push({ path, method: init.method ?? "GET", headers: new Headers(init.headers) });
  if (trouble) return trouble();
  const url = new URL(path, "http://page");
  const id = url.searchParams.get("id") ?? "";
  const body = init.body ? (JSON.parse(init.body as string) as { id: string; val: string }) : undefined;
  if (url.pathname === "/api/items") {
    // two keys a page, in no order, the first of each page once more
    const all = [...data.keys()].reverse();
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const items = all.slice(from, from + 2);
    return respond(
      200,
      JSON.stringify({
        items: [...items, ...items.slice(0, 1)],
        cursor: from + 2 < all.length ? String(from + 2) : null,
      }),
    );
  }
  if (init.method === "POST") data.set(body!.id, body!.val);
  else if (init.method === "DELETE") data.delete(body!.id);
  else return data.has(id) ? respond(200, data.get(id)!) : respond(404, "");
  return respond(200, "ok");
}

beforeEach(() => {
  data = new Map();
  trouble = undefined;
  asked.length = 0;
  vi.stubGlobal("fetch", vi.fn(api));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(part: ReactNode) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <Toasts>{part}</Toasts>
    </QueryClientProvider>,
  );
  return userEvent.setup();
}
/** The keys as text: rows are only drawn where there is room, which a simulated browser has not. */
function Keys({ search = "" }: { search?: string }) {
  const { data, error } = useKeys(search);
  return <output>{error ? error.message : `${data?.keys.join(" ")}${data?.more ? " …" : ""}`}</output>;
}
const text = () => document.querySelector("output")!.textContent;
function KeyRow({ id }: { id: string }) {
  return <Row id={id} index={0} calm active onActive={() => undefined} onDelete={useDeletion()} />;
}
const row = (id: string) => <KeyRow id={id} />;

describe("the list of keys", () => {
  it("is put together from pages, sorted, each key once", async () => {
    for (const key of ["e", "a", "d", "b", "c"]) data.set(key, "v");
    show(<Keys />);
    await waitFor(() => expect(text()).toBe("a b c d e"));
    expect(asked.map((a) => a.path)).toEqual([
      "/api/items?limit=1000",
      "/api/items?limit=1000&cursor=2",
      "/api/items?limit=1000&cursor=4",
    ]);
    // nothing written yet: any replica will do
    expect(asked.every((a) => !a.headers.has("consistency"))).toBe(true);
  });

  it("begins anew where the replica that its cursor belongs to has gone", async () => {
    for (const key of ["a", "b", "c"]) data.set(key, "v");
    let gone = 1;
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) =>
      path.includes("cursor") && gone-- > 0 ? respond(410, '{"error":"gone"}') : api(path, init),
    );
    show(<Keys />);
    await waitFor(() => expect(text()).toBe("a b c"));
  });

  it("gives up after some such restarts, with the reason", async () => {
    for (const key of ["a", "b", "c"]) data.set(key, "v");
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) =>
      path.includes("cursor") ? respond(410, '{"error":"the cursor is gone"}') : api(path, init),
    );
    show(<Keys />);
    await waitFor(() => expect(text()).toBe("the cursor is gone"));
  });

  it("is searched by the API, with a pattern", async () => {
    show(<Keys search="a*" />);
    await waitFor(() => expect(asked).toHaveLength(1));
    expect(new URL(asked[0]!.path, "http://page").searchParams.get("match")).toBe("*[aA]\\**");
  });

  it("says that there are none, and that none matches", async () => {
    const user = show(<KeysSection />);
    expect(await screen.findByText(/No keys yet/)).toBeTruthy();
    await user.type(screen.getByLabelText("Search keys"), "xyz");
    expect(await screen.findByText("No key contains “xyz”.")).toBeTruthy();
  });

  it("says why where it cannot be had, and tries again on request", async () => {
    trouble = () => respond(503, '{"error":"Redis is not reachable"}');
    const user = show(<KeysSection />);
    expect((await screen.findByRole("alert")).textContent).toContain("Redis is not reachable");
    trouble = undefined;
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText(/No keys yet/)).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
  });
});

describe("adding a key", () => {
  it("saves it, shows it in the list, and is ready for the next", async () => {
    const user = show(
      <>
        <AddForm />
        <Keys />
      </>,
    );
    await user.type(screen.getByLabelText("Key"), "colour");
    await user.type(screen.getByLabelText("Value"), "light{Enter}blue");
    await user.click(screen.getByRole("button", { name: "Add" }));
    await waitFor(() => expect(text()).toBe("colour"));
    expect(data.get("colour")).toBe("light\nblue");
    await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe(""));
    expect(document.activeElement).toBe(screen.getByLabelText("Key"));
  });

  it("reads from main right after, so that it is seen", async () => {
    const user = show(
      <>
        <AddForm />
        {row("other")}
      </>,
    );
    await user.type(screen.getByLabelText("Key"), "colour");
    await user.click(screen.getByRole("button", { name: "Add" }));
    await waitFor(() => expect(data.has("colour")).toBe(true));
    asked.length = 0;
    cleanup();
    show(<Keys />);
    await waitFor(() => expect(asked).toHaveLength(1));
    expect(asked[0]!.headers.get("consistency")).toBe("strong");
  });

  it("keeps what was typed where it could not be saved, and takes the row away again", async () => {
    const user = show(
      <>
        <AddForm />
        <Keys />
      </>,
    );
    await waitFor(() => expect(text()).toBe(""));
    await user.type(screen.getByLabelText("Key"), "colour");
    trouble = () => respond(503, '{"error":"Redis is not reachable"}');
    await user.click(screen.getByRole("button", { name: "Add" }));
    expect((await screen.findByText(/Not saved: Redis is not reachable/)).getAttribute("role")).toBe("alert");
    expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe("colour");
    expect(text()).toBe("");
  });
});

describe("a row", () => {
  it("shows values, empty ones and missing ones", async () => {
    data.set("full", "some text").set("hollow", "");
    show(
      <>
        {row("full")}
        {row("hollow")}
        {row("missing")}
      </>,
    );
    const of = (id: string) => within(screen.getByRole("group", { name: id }));
    expect(await of("full").findByText("some text")).toBeTruthy();
    expect(await of("hollow").findByText("empty")).toBeTruthy();
    expect(await of("missing").findByText("gone")).toBeTruthy();
  });

  it("edits in place; Cancel and Escape keep the old value", async () => {
    data.set("colour", "blue");
    const user = show(row("colour"));
    await screen.findByText("blue");
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    await user.type(screen.getByLabelText("Value of colour"), " and more");
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    await user.type(screen.getByLabelText("Value of colour"), " and more{Escape}");
    expect(screen.getByText("blue")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    await user.clear(screen.getByLabelText("Value of colour"));
    await user.type(screen.getByLabelText("Value of colour"), "red{Control>}{Enter}{/Control}");
    expect(await screen.findByText("red")).toBeTruthy();
    expect(data.get("colour")).toBe("red");
  });

  it("hears its keys as soon as it has the focus, also while the list flies past", async () => {
    data.set("colour", "blue");
    let deleted = "";
    let answer: ((response: Response) => void) | undefined;
    vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
    const user = show(
      <Row id="colour" index={0} calm={false} active onActive={() => undefined} onDelete={(id) => (deleted = id)} />,
    );
    screen.getByRole("group", { name: "colour" }).focus();
    await user.keyboard("{Delete}");
    expect(deleted).toBe("colour");
    // the editor opens as the value comes
    await user.keyboard("{Enter}");
    expect(screen.queryByLabelText("Value of colour")).toBeNull();
    answer!(respond(200, "blue"));
    expect(((await screen.findByLabelText("Value of colour")) as HTMLTextAreaElement).value).toBe("blue");
  });

  it("puts the old value back where an edit fails, and keeps the editor open", async () => {
    data.set("colour", "blue");
    const user = show(row("colour"));
    await screen.findByText("blue");
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    await user.type(screen.getByLabelText("Value of colour"), "!");
    trouble = () => respond(413, '{"error":"val is too long"}');
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Not saved: val is too long")).toBeTruthy();
    expect(screen.getByLabelText<HTMLTextAreaElement>("Value of colour").value).toBe("blue!");
    trouble = undefined;
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("blue")).toBeTruthy();
  });

  it("offers an undo for a deletion, with the value that main had", async () => {
    data.set("colour", "blue");
    const user = show(row("colour"));
    await screen.findByText("blue");
    data.set("colour", "changed by somebody else");
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    await screen.findByText("“colour” is deleted");
    expect(data.has("colour")).toBe(false);
    await user.click(screen.getByRole("button", { name: "Undo" }));
    await waitFor(() => expect(data.get("colour")).toBe("changed by somebody else"));
  });

  it("says why a deletion failed", async () => {
    data.set("colour", "blue");
    const user = show(row("colour"));
    await screen.findByText("blue");
    trouble = () => Promise.reject(new TypeError("fetch failed")) as never;
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    expect(await screen.findByText("“colour” was not deleted: The API cannot be reached.")).toBeTruthy();
    expect(data.has("colour")).toBe(true);
  });
});

describe("the live strip", () => {
  it("says that the API cannot be reached", async () => {
    trouble = () => respond(503, '{"error":"The API cannot be reached."}');
    show(<LiveStrip />);
    expect((await screen.findByRole("alert")).textContent).toContain("The API cannot be reached.");
  });

  it("warns where no pod reaches main, and names a replica's trouble", async () => {
    const status = {
      server: { id: "1", name: "node-6c-abcde", uptimeSeconds: 9 },
      requests: { answered: 5, inFlight: 0, shed: 0 },
      main: { up: false },
      replicas: [{ name: "redis-replica-0", state: "lagging", lagSeconds: 9, reads: 0 }],
    };
    trouble = () => respond(200, JSON.stringify(status));
    show(<LiveStrip />);
    expect(await screen.findByText(/Redis main is not reachable/)).toBeTruthy();
    expect(screen.getByText("abcde")).toBeTruthy();
    expect(screen.getByTitle(/^redis-replica-0: lags, 9 s behind$/).textContent).toContain("lags");
  });
});
