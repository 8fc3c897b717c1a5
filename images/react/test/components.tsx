/** Renders components in a simulated browser, against an in-memory API that is empty at the start of each test. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import type { ReactNode } from "react";
import { afterEach, beforeEach, vi } from "vitest";
import { useDeletion } from "../src/keys/deletion";
import { useKeys } from "../src/keys/queries";
import { Row } from "../src/keys/row";
import { Toasts } from "../src/toasts";

export const respond = (status: number, body: string) => new Response(body, { status });

class FakeApi {
  data = new Map<string, string>();
  readonly requests: { path: string; method: string; headers: Headers }[] = [];
  /** If set, it answers every request. */
  override: (() => Response) | undefined;

  reset(): void {
    this.data = new Map();
    this.requests.length = 0;
    this.override = undefined;
  }

  async handle(path: string, init: RequestInit = {}): Promise<Response> {
    this.requests.push({ path, method: init.method ?? "GET", headers: new Headers(init.headers) });
    if (this.override) return this.override();
    const url = new URL(path, "http://page");
    const id = url.searchParams.get("id") ?? "";
    const body = init.body ? (JSON.parse(init.body as string) as { id: string; val: string }) : undefined;
    if (url.pathname === "/api/items") return this.list(Number(url.searchParams.get("cursor") ?? 0));
    if (init.method === "POST") this.data.set(body!.id, body!.val);
    else if (init.method === "DELETE") this.data.delete(body!.id);
    else return this.data.has(id) ? respond(200, this.data.get(id)!) : respond(404, "");
    return respond(200, "ok");
  }

  /** Two keys per page, unsorted, with the first key of each page repeated. */
  private list(from: number): Response {
    const all = [...this.data.keys()].reverse();
    const items = all.slice(from, from + 2);
    const cursor = from + 2 < all.length ? String(from + 2) : null;
    return respond(200, JSON.stringify({ items: [...items, ...items.slice(0, 1)], cursor }));
  }
}
export const api = new FakeApi();

beforeEach(() => {
  api.reset();
  vi.stubGlobal(
    "fetch",
    vi.fn((path: string, init?: RequestInit) => api.handle(path, init)),
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

export function show(component: ReactNode): UserEvent {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <Toasts>{component}</Toasts>
    </QueryClientProvider>,
  );
  return userEvent.setup();
}

/** Shows the keys as text, because a simulated browser has no layout and the virtual list therefore renders no rows. */
export function Keys({ search = "" }: { search?: string }) {
  const { data, error } = useKeys(search);
  return <output>{error ? error.message : `${data?.keys.join(" ")}${data?.more ? " …" : ""}`}</output>;
}
/** What {@link Keys} shows. */
export const keysShown = (): string | null => document.querySelector("output")!.textContent;

export function KeyRow({ id }: { id: string }) {
  return <Row id={id} index={0} settled active onActive={() => undefined} onDelete={useDeletion()} />;
}
