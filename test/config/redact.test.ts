import { redact } from "../../config/redact";

it("logins in URLs and values of secret keys are redacted when printed", () => {
  const shown = JSON.stringify(
    redact({ url: "https://user:hunter2@host", apiKey: "hunter2", list: [{ password: "hunter2" }], port: 1 }),
  );
  expect(shown).not.toContain("hunter2");
  expect(JSON.parse(shown)).toMatchObject({ url: "https://***@host", port: 1 });
});
