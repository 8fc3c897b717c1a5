import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vitest/config";

/** Replaces Vite's preload helper, which loads style sheets per chunk: with one style sheet, `import()` is enough. */
const plainImports: Plugin = {
  name: "plain-imports",
  enforce: "pre",
  load: (id) => (id === "\0vite/preload-helper.js" ? "export const __vitePreload = (load) => load();" : undefined),
};

export default defineConfig({
  plugins: [react(), plainImports],
  build: {
    // no inlined assets: the Content-Security-Policy allows only the page's own files
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    // the first load is limited to 90 kB of script, and terser's output is 2 kB smaller than esbuild's
    minify: "terser",
    terserOptions: {
      compress: {
        passes: 4,
        ecma: 2020,
        module: true,
        keep_fargs: false,
        pure_getters: true,
        unsafe_arrows: true,
        unsafe_methods: true,
        reduce_funcs: false,
      },
      format: { comments: false },
    },
  },
  // for `npm run dev`, which sets API_URL
  server: {
    proxy: {
      "/api": {
        target: process.env["API_URL"] ?? "http://127.0.0.1:3000",
        rewrite: (path) => path.replace(/^\/api/, ""),
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["test/**/*.test.{ts,tsx}"],
    setupFiles: ["test/setup.ts"],
    restoreMocks: true,
    // generous, because a busy machine must not make tests fail
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
