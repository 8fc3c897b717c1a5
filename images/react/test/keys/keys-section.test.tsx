import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { KeysSection } from "../../src/keys/keys-section";
import { api, respond, show } from "../components";

describe("the keys section", () => {
  it("says if there are no keys, or if none match", async () => {
    const user = show(<KeysSection />);
    expect(await screen.findByText(/No keys yet/)).toBeTruthy();
    await user.type(screen.getByLabelText("Search keys"), "xyz");
    expect(await screen.findByText("No key contains “xyz”.")).toBeTruthy();
  });

  it("shows why loading failed, and retries on request", async () => {
    api.override = () => respond(503, '{"error":"Redis is not reachable"}');
    const user = show(<KeysSection />);
    expect((await screen.findByRole("alert")).textContent).toContain("Redis is not reachable");
    api.override = undefined;
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText(/No keys yet/)).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
  });
});
