import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { api, KeyRow, show } from "../components";

describe("deleting a key", () => {
  it("offers an undo that restores the value from main", async () => {
    api.data.set("colour", "blue");
    const user = show(<KeyRow id="colour" />);
    await screen.findByText("blue");
    api.data.set("colour", "changed by another client");
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    await screen.findByText("“colour” deleted");
    expect(api.data.has("colour")).toBe(false);
    await user.click(screen.getByRole("button", { name: "Undo" }));
    await waitFor(() => expect(api.data.get("colour")).toBe("changed by another client"));
  });

  it("shows the reason if it fails", async () => {
    api.data.set("colour", "blue");
    const user = show(<KeyRow id="colour" />);
    await screen.findByText("blue");
    api.override = () => Promise.reject(new TypeError("fetch failed")) as never;
    await user.click(screen.getByRole("button", { name: "Delete colour" }));
    expect(await screen.findByText("Could not delete “colour”: The API cannot be reached")).toBeTruthy();
    expect(api.data.has("colour")).toBe(true);
  });
});
