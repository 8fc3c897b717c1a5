import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { api, KeyRow, respond, show } from "../components";

describe("the editor of a value", () => {
  it("edits in place; Cancel and Escape keep the old value", async () => {
    api.data.set("colour", "blue");
    const user = show(<KeyRow id="colour" />);
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
    expect(api.data.get("colour")).toBe("red");
  });

  it("restores the old value and stays open if saving fails", async () => {
    api.data.set("colour", "blue");
    const user = show(<KeyRow id="colour" />);
    await screen.findByText("blue");
    await user.click(screen.getByRole("button", { name: "Edit colour" }));
    await user.type(screen.getByLabelText("Value of colour"), "!");
    api.override = () => respond(413, '{"error":"val is too long"}');
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Could not save: val is too long")).toBeTruthy();
    expect(screen.getByLabelText<HTMLTextAreaElement>("Value of colour").value).toBe("blue!");
    api.override = undefined;
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("blue")).toBeTruthy();
  });
});
