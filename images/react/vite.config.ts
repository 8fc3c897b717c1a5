import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vitest/config";

/** Vite's loader of a chunk's style sheets and preloads: we have one style sheet, so `import()` alone will do. */
const plainImports: Plugin = {
  name: "plain-imports",
  enforce: "pre",
  load: (id) => (id === "\0vite/preload-helper.js" ? "export const __vitePreload = (load) => load();" : undefined),
};

export default defineConfig({
  plugins: [react(), plainImports],
  build: {
    // no inlined assets: the page's security policy allows only files of its own
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    // a first load has 90 kB of script: every kilobyte counts, and terser finds two more than esbuild
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
  // the API of `npm run dev`, which names its address
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
    // a busy machine is no failure
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
