import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { api, KeyRow, show } from "../components";

describe("a row", () => {
  it("offers an undo for a deletion, with the value that main had", async () => {
    api.data.set("colour", "blue");
    const user = show(<KeyRow id="colour" />);
    await screen.findByText("blue");
    api.data.set("colour", "changed by somebody else");
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    await screen.findByText("“colour” deleted");
    expect(api.data.has("colour")).toBe(false);
    await user.click(screen.getByRole("button", { name: "Undo" }));
    await waitFor(() => expect(api.data.get("colour")).toBe("changed by somebody else"));
  });

  it("says why a deletion failed", async () => {
    api.data.set("colour", "blue");
    const user = show(<KeyRow id="colour" />);
    await screen.findByText("blue");
    api.override = () => Promise.reject(new TypeError("fetch failed")) as never;
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    expect(await screen.findByText("Could not delete “colour”: The API cannot be reached.")).toBeTruthy();
    expect(api.data.has("colour")).toBe(true);
  });
});
