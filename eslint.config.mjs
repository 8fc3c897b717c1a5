import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import jsdoc from "eslint-plugin-jsdoc";
import security from "eslint-plugin-security";
import tseslint from "typescript-eslint";

/** A property of a Props interface, or of any exported interface. */
const property =
  ":matches(TSInterfaceDeclaration[id.name=/Props$/], ExportNamedDeclaration > TSInterfaceDeclaration)" +
  " > TSInterfaceBody > :matches(TSPropertySignature, TSMethodSignature)";
const documentedProps = {
  files: ["catalog/**/*.ts", "config/**/*.ts", "modules/**/*.ts", "stacks/**/*.ts"],
  plugins: { jsdoc },
  settings: { jsdoc: { mode: "typescript" } },
  rules: {
    "jsdoc/require-jsdoc": [
      "error",
      { contexts: [property], require: { FunctionDeclaration: false }, enableFixer: false },
    ],
    "jsdoc/require-description": ["error", { contexts: [property] }],
    "jsdoc/no-restricted-syntax": [
      "error",
      {
        contexts: [
          {
            // this rule matches the node alone, without its parents
            context: "TSPropertySignature[optional=true]",
            comment: "JsdocBlock:not(:has(JsdocTag[tag=default]))",
            message: "Say what applies if this optional property is left out: add a line `@default …`.",
          },
        ],
      },
    ],
  },
};
const providerRoots = {
  regex: "^(@cdktf/provider-[a-z]+|cdktf/lib/.*)$",
  message: "Import single bindings (@cdktf/provider-x/lib/y), because a package root costs a second and 260 MB.",
};

export default tseslint.config(
  { ignores: ["node_modules", "cdktf.out", "**/dist", "images/*/node_modules", "coverage", ".state", ".tools"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  security.configs.recommended,
  prettier,
  documentedProps,
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-imports": ["error", { patterns: [providerRoots] }],
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Only config/sources.ts may read the environment." },
      ],
      eqeqeq: "error",
      ...Object.fromEntries(Object.keys(security.rules).map((rule) => [`security/${rule}`, "error"])),
      // object keys are names from this code; keys from requests go into a Map, never into an object
      "security/detect-object-injection": "off",
      // paths come from the user who runs a command, or from a pod's environment
      "security/detect-non-literal-fs-filename": "off",
      // these expressions match configuration; only those in images/ match input from requests
      "security/detect-unsafe-regex": "off",
    },
  },
  { files: ["images/*/src/**"], rules: { "security/detect-unsafe-regex": "error" } },
  { files: ["test/**", "bench/**", "images/*/test/**"], rules: { "security/detect-non-literal-regexp": "off" } },
  {
    files: [
      "config/sources.ts",
      "images/**",
      "test/**",
      "bench/**",
      "scripts/*.mjs",
      "*.config.js",
      // sets the environment of the programs that it starts
      "scripts/maintenance/compare/**",
    ],
    rules: { "no-restricted-properties": "off" },
  },
  {
    files: ["**/*.js", "**/*.cjs", "**/*.mjs"],
    languageOptions: { globals: { process: "readonly", console: "readonly", module: "writable", require: "readonly" } },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
