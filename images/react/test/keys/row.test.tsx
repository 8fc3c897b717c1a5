import { screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { Row } from "../../src/keys/row";
import { api, KeyRow, respond, show } from "../components";

describe("a row", () => {
  it("shows a value, an empty value and a missing key", async () => {
    api.data.set("full", "some text").set("hollow", "");
    show(
      <>
        <KeyRow id="full" />
        <KeyRow id="hollow" />
        <KeyRow id="missing" />
      </>,
    );
    const of = (id: string) => within(screen.getByRole("group", { name: id }));
    expect(await of("full").findByText("some text")).toBeTruthy();
    expect(await of("hollow").findByText("empty")).toBeTruthy();
    expect(await of("missing").findByText("no longer exists")).toBeTruthy();
  });

  it("reacts to its shortcuts as soon as it has the focus, even while the list scrolls", async () => {
    api.data.set("colour", "blue");
    let deleted = "";
    let answer: ((response: Response) => void) | undefined;
    vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
    const user = show(
      <Row id="colour" index={0} settled={false} active onActive={() => undefined} onDelete={(id) => (deleted = id)} />,
    );
    screen.getByRole("group", { name: "colour" }).focus();
    await user.keyboard("{Delete}");
    expect(deleted).toBe("colour");
    // the editor opens when the value arrives
    await user.keyboard("{Enter}");
    expect(screen.queryByLabelText("Value of colour")).toBeNull();
    answer!(respond(200, "blue"));
    expect(((await screen.findByLabelText("Value of colour")) as HTMLTextAreaElement).value).toBe("blue");
  });
});
