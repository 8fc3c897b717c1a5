import { cleanup, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { AddForm } from "../../src/keys/add-form";
import { api, KeyRow, Keys, keysShown, respond, show } from "../components";

describe("adding a key", () => {
  it("saves it, shows it in the list, and is ready for the next one", async () => {
    const user = show(
      <>
        <AddForm />
        <Keys />
      </>,
    );
    await user.type(screen.getByLabelText("Key"), "colour");
    await user.type(screen.getByLabelText("Value"), "light{Enter}blue");
    await user.click(screen.getByRole("button", { name: "Add" }));
    await waitFor(() => expect(keysShown()).toBe("colour"));
    expect(api.data.get("colour")).toBe("light\nblue");
    await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe(""));
    expect(document.activeElement).toBe(screen.getByLabelText("Key"));
  });

  it("reads from main right afterwards, so that the new key is visible", async () => {
    const user = show(
      <>
        <AddForm />
        <KeyRow id="other" />
      </>,
    );
    await user.type(screen.getByLabelText("Key"), "colour");
    await user.click(screen.getByRole("button", { name: "Add" }));
    await waitFor(() => expect(api.data.has("colour")).toBe(true));
    api.requests.length = 0;
    cleanup();
    show(<Keys />);
    await waitFor(() => expect(api.requests).toHaveLength(1));
    expect(api.requests[0]!.headers.get("consistency")).toBe("strong");
  });

  it("keeps the input and removes the row again if saving fails", async () => {
    const user = show(
      <>
        <AddForm />
        <Keys />
      </>,
    );
    await waitFor(() => expect(keysShown()).toBe(""));
    await user.type(screen.getByLabelText("Key"), "colour");
    api.override = () => respond(503, '{"error":"Redis is not reachable"}');
    await user.click(screen.getByRole("button", { name: "Add" }));
    expect((await screen.findByText(/Could not save: Redis is not reachable/)).getAttribute("role")).toBe("alert");
    expect(screen.getByLabelText<HTMLInputElement>("Key").value).toBe("colour");
    expect(keysShown()).toBe("");
  });
});
