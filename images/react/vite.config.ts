import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // no inlined assets: the page's security policy allows only files of its own
  build: { assetsInlineLimit: 0, target: "es2022" },
  test: { environment: "jsdom", include: ["test/**/*.test.{ts,tsx}"], restoreMocks: true },
});
