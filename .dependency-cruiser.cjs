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
 * The rooms of a folder from the lowest floor to the highest: `x/` is a folder, `x.ts` a file, `*` all other files that
 * lie in the folder itself. A room may import from lower floors, not from higher ones and not from its neighbours.
 */
function floors(folder, plan) {
  const files = plan.flat().filter((room) => /\w$/.test(room));
  const inside = (room) => {
    if (room === "*") return files.length ? `(?!(${files.map(inside).join("|")}))[^/]+$` : "[^/]+$";
    return room.replaceAll(".", "\\.") + (room.endsWith("/") ? "" : "$");
  };
  const pattern = (rooms) => `^${folder}/(${rooms.map(inside).join("|")})`;
  const prefix = folder.replaceAll("/", "-");
  const rules = plan.flatMap((rooms, floor) => {
    const lower = plan.slice(0, floor).flat();
    // a room on top of all others has nothing to be kept from
    const isTop = floor === plan.length - 1 && rooms.length === 1;
    return (isTop ? [] : rooms).map((room) =>
      forbid(
        `${prefix}-${room.replace("/", "").replace("*", "files")}-imports-downwards`,
        `Inside ${folder}/, ${room === "*" ? "its own files" : room} may import from ${list(lower)}: lower rooms know nothing of upper ones. Move what ` +
          "both need (a type, a constant, a function) into the lower room, or pass it as an argument.",
        { path: pattern([room]) },
        { path: `^${folder}/`, pathNot: pattern([room, ...lower]) },
      ),
    );
  });
  return [
    ...rules,
    forbid(
      `${prefix}-has-a-room-for-each-file`,
      `The order of rooms in ${folder}/ does not contain this file, so its imports are not checked. Move it into a room, ` +
        "or add its room to the order in .dependency-cruiser.cjs.",
      { path: `^${folder}/`, pathNot: pattern(plan.flat()) },
      {},
    ),
  ];
}

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    forbid(
      "no-circle-between-files",
      "Files in a circle cannot be understood or tested one by one, and the load order decides which import is still " +
        "undefined. Move what both need into a third file below both.",
      {},
      { circular: true },
    ),
    {
      ...forbid(
        "no-circle-between-folders",
        "Two folders that import each other are one folder. Move the file to the folder that uses it, or move " +
          "what both need into a folder below both.",
        { path: "^(catalog|config|stacks|modules|dashboards|scripts|images|bench|test)(/|$)" },
        { circular: true },
      ),
      scope: "folder",
    },

    onlyImports(
      "catalog",
      [],
      "catalog/ has fixed facts that everything else reads. Compute what follows from them in the folder that needs it.",
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
      "Plain `cdktf` builds the layers without scripts/. Move what both need into modules/, config/ or " + "catalog/.",
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
      "CDKTF is archived, so one seam holds all its imports, and its bindings are slow to load. Import a function or a " +
        "type from modules/ or stacks/ instead.",
      { pathNot: "^(modules|stacks)/" },
      { path: "(^|/)node_modules/(cdktf|@cdktf)/|^(cdktf|@cdktf)(/|$)" },
    ),

    ...floors("config", [["schema/"], ["*"]]),
    ...floors("dashboards", [["*"], ["rules/"]]),
    ...floors("modules", [
      ["terraform/"],
      ["kubernetes/"],
      ["images/"],
      ["autoscaling/"],
      ["redis/"],
      ["web/"],
      ["monitoring/"],
      ["policies/"],
    ]),
    ...floors("scripts", [
      ["bootstrap.mjs", "terminal/", "prose/"],
      ["toolbox/", "cluster/"],
      ["terraform/"],
      ["redis/", "load/", "deploy/"],
      ["drawing/"],
      ["commands/", "maintenance/"],
      ["*"],
    ]),
    ...floors("images/node/src", [["*"], ["discovery/"], ["redis/"], ["metrics/"], ["http/"], ["main.ts"]]),
    ...floors("images/node/src/redis", [["connection/"], ["reads/"], ["writes/"], ["*"]]),
    ...floors("images/react/src", [["text/"], ["*"], ["check/", "keys/", "live/"], ["app.tsx"], ["main.tsx"]]),
  ],
  options: {
    // two files that share a type change together, as two that share a function do
    tsPreCompilationDeps: true,
    doNotFollow: { path: "(^|/)node_modules/" },
    exclude: { path: "^(\\.(?!\\./)[^/]*|cdktf\\.out|coverage|ejected|manifests|sbom)/|(^|/)dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "require", "node", "default"],
    },
  },
};
