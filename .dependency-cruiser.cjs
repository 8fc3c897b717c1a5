/**
 * The import rules that `npm run lint` checks. Imports point downwards only, type-only imports included, so that a
 * part can be read, tested and changed without the parts that use it.
 */

/** A rule about imports inside the project. Paths are regular expressions from the project's root. */
const forbid = (name, comment, from, to) => ({ name, severity: "error", comment, from, to });
const list = (names) => (names.length ? `${names.join(", ")} only` : "nothing else in the project");
const BROWSER_TESTS = "^images/react/test/browser/";
const local = { dependencyTypes: ["local"] };

/** A top-level folder, and all that it may import. */
const onlyImports = (folder, others, comment) =>
  forbid(
    `${folder}-imports-downwards`,
    `${folder}/ may import from ${list(others.map((other) => `${other}/`))}. ${comment}`,
    { path: `^${folder}/` },
    { ...local, pathNot: `^(${[folder, ...others].join("|")})/` },
  );

/**
 * The parts of a folder from the lowest level to the highest: `x/` is a folder, `x.ts` a file, `*` all other files
 * directly in the folder. A part may import from lower levels, not from higher ones and not from its own.
 */
function levels(folder, plan) {
  const files = plan.flat().filter((part) => /\w$/.test(part));
  const inside = (part) => {
    if (part === "*") return files.length ? `(?!(${files.map(inside).join("|")}))[^/]+$` : "[^/]+$";
    return part.replaceAll(".", "\\.") + (part.endsWith("/") ? "" : "$");
  };
  const pattern = (parts) => `^${folder}/(${parts.map(inside).join("|")})`;
  const prefix = folder.replaceAll("/", "-");
  const rules = plan.flatMap((parts, level) => {
    const lower = plan.slice(0, level).flat();
    // a part alone on the highest level may import all others, so it needs no rule
    const isTop = level === plan.length - 1 && parts.length === 1;
    return (isTop ? [] : parts).map((part) =>
      forbid(
        `${prefix}-${part.replace("/", "").replace("*", "files")}-imports-downwards`,
        `Inside ${folder}/, ${part === "*" ? "its own files" : part} may import from ${list(lower)}: lower levels do not depend on higher ones. Move ` +
          "what both need (a type, a constant, a function) to the lower level, or pass it as an argument.",
        { path: pattern([part]) },
        { path: `^${folder}/`, pathNot: pattern([part, ...lower]) },
      ),
    );
  });
  return [
    ...rules,
    forbid(
      `${prefix}-has-a-level-for-each-file`,
      `The levels of ${folder}/ do not include this file, so its imports are not checked. Move it into one of the listed ` +
        "parts, or add its part to the levels in .dependency-cruiser.cjs.",
      { path: `^${folder}/`, pathNot: pattern(plan.flat()) },
      {},
    ),
  ];
}

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    forbid(
      "no-circular-imports-between-files",
      "Files that import each other cannot be understood or tested one by one, and the load order decides which import is still " +
        "undefined. Move what both need into a third file below both.",
      {},
      { circular: true },
    ),
    {
      ...forbid(
        "no-circular-imports-between-folders",
        "Two folders that import each other are in effect one folder. Move the file to the folder that uses it, or move " +
          "what both need into a folder below both.",
        { path: "^(catalog|config|stacks|modules|dashboards|scripts|images|bench|test)(/|$)" },
        { circular: true },
      ),
      scope: "folder",
    },

    onlyImports(
      "catalog",
      [],
      "catalog/ contains constants that everything else reads. Compute derived values in the folder that needs them.",
    ),
    onlyImports(
      "config",
      ["catalog"],
      "The configuration is read before anything is built, by every command. What depends on Kubernetes or Terraform " +
        "belongs in modules/.",
    ),
    onlyImports(
      "dashboards",
      ["catalog"],
      "Dashboards and rules are data, exported without a cluster or a configuration. Pass what they need as arguments.",
    ),
    onlyImports(
      "modules",
      ["config", "catalog", "dashboards"],
      "A module gets all it needs from its props, so that a stack or a test can compose it. Keep what it " +
        "shares with a stack or a script in the module, and import it there.",
    ),
    onlyImports(
      "stacks",
      ["modules", "config", "catalog", "dashboards"],
      "A stack composes modules. Plain `cdktf` builds it too, without scripts/. Move what both need into modules/.",
    ),
    onlyImports(
      "scripts",
      ["stacks", "modules", "config", "catalog", "dashboards"],
      "Commands do not depend on tests and benchmarks, and they use images/ only as build contexts. Move what both " +
        "need into scripts/ and import it from there in the test.",
    ),
    forbid(
      "main-imports-downwards",
      "Plain `cdktf` runs main.ts: configuration, layers, synth. Move what it needs from scripts/ into modules/.",
      { path: "^main\\.ts$" },
      { ...local, pathNot: "^(stacks|modules|config|catalog)/" },
    ),
    forbid(
      "main-is-not-imported",
      "main.ts builds and synthesizes as soon as it is loaded. Import stacks/ instead.",
      {},
      { path: "^main\\.ts$" },
    ),
    forbid(
      "scripts-are-used-by-scripts-and-tests",
      "Plain `cdktf` builds the layers without scripts/. Move what both need into modules/, config/ or catalog/.",
      { pathNot: "^(scripts|test|bench)/" },
      { path: "^scripts/" },
    ),
    forbid(
      "tests-are-used-by-tests-and-benchmarks",
      "Code that is deployed or run by users must not depend on test code. Move the helper out of test/.",
      { pathNot: "^(test|bench)/" },
      { path: "^test/" },
    ),
    forbid(
      "benchmarks-are-not-imported",
      "Benchmarks need a quiet machine or a whole cluster, and packages that only bench/ installs. Move what " +
        "tests need too into test/helpers/.",
      { pathNot: "^bench/" },
      { path: "^bench/" },
    ),

    forbid(
      "images-import-nothing-outside",
      "Docker sends an image's own folder to the build and nothing else, so an import from outside fails there. Copy " +
        "the few lines, or pass the value in the environment.",
      { path: "^images/([^/]+)/", pathNot: BROWSER_TESTS },
      { ...local, pathNot: "^images/$1/" },
    ),
    forbid(
      "browser-tests-use-only-the-front-and-the-api-helpers",
      "The browser tests run the page in front of the real API and Redis. They start both with the helpers in " +
        "images/node/test/helpers/. Extend these helpers instead of reaching for anything else.",
      { path: BROWSER_TESTS },
      { ...local, pathNot: "^images/(react|node/test/helpers)/" },
    ),

    forbid(
      "providers-only-in-modules-and-stacks",
      "CDKTF is archived, so all its imports are in two folders, and its bindings are slow to load. Import a function or a " +
        "type from modules/ or stacks/ instead.",
      { pathNot: "^(modules|stacks)/" },
      { path: "(^|/)node_modules/(cdktf|@cdktf)/|^(cdktf|@cdktf)(/|$)" },
    ),

    ...levels("config", [["schema/"], ["*"]]),
    ...levels("dashboards", [["*"], ["rules/"]]),
    ...levels("modules", [
      ["terraform/"],
      ["kubernetes/"],
      ["images/"],
      ["autoscaling/"],
      ["redis/"],
      ["web/"],
      ["monitoring/"],
      ["policies/"],
    ]),
    ...levels("scripts", [
      ["bootstrap.mjs", "terminal/", "prose/"],
      ["toolbox/", "cluster/"],
      ["terraform/"],
      ["redis/", "load/", "deploy/"],
      ["drawing/", "doctor/"],
      ["commands/", "maintenance/"],
      ["*"],
    ]),
    ...levels("images/node/src", [["*"], ["discovery/"], ["redis/"], ["metrics/"], ["http/"], ["main.ts"]]),
    ...levels("images/node/src/redis", [["connection/"], ["reads/"], ["writes/"], ["*"]]),
    ...levels("images/scaler/src", [
      ["*"],
      ["decision/", "gauges/", "kubernetes/"],
      ["scaling/"],
      ["http/"],
      ["main.ts"],
    ]),
    ...levels("images/react/src", [["text/"], ["*"], ["check/", "keys/", "live/"], ["app.tsx"], ["main.tsx"]]),
  ],
  options: {
    // files that share a type depend on each other, like files that share a function
    tsPreCompilationDeps: true,
    doNotFollow: { path: "(^|/)node_modules/" },
    exclude: { path: "^(\\.(?!\\./)[^/]*|cdktf\\.out|coverage|ejected|manifests|sbom)/|(^|/)dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "require", "node", "default"],
    },
  },
};
