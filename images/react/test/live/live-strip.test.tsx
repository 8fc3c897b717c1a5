import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { LiveStrip } from "../../src/live/live-strip";
import { api, respond, show } from "../components";

describe("the live strip", () => {
  it("reports an unreachable API", async () => {
    api.override = () => respond(503, '{"error":"The API cannot be reached"}');
    show(<LiveStrip />);
    expect((await screen.findByRole("alert")).textContent).toContain("The API cannot be reached.");
  });

  it("warns if no pod reaches main, and shows the state of a lagging replica", async () => {
    const status = {
      server: { id: "1", name: "node-6c-abcde", uptimeSeconds: 9 },
      requests: { answered: 5, inFlight: 0, shed: 0 },
      main: { up: false },
      replicas: [{ name: "redis-replica-0", state: "lagging", lagSeconds: 9, reads: 0 }],
    };
    api.override = () => respond(200, JSON.stringify(status));
    show(<LiveStrip />);
    expect(await screen.findByText(/Redis main \(primary\) is unreachable/)).toBeTruthy();
    expect(screen.getByText("abcde")).toBeTruthy();
    expect(screen.getByTitle(/^redis-replica-0: lagging, 9 s behind$/).textContent).toContain("lagging");
  });
});
