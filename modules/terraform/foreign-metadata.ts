/**
 * Labels and annotations that other tools add to our objects: a cloud's controllers, Rancher, Argo CD, a policy engine.
 * The provider would plan to remove each of them in every run, so it is configured to ignore them. The provider ignores
 * a key that matches one of the patterns, unless the state or the configuration contains it, so our own keys are still
 * corrected. Its patterns are RE2 without a negative lookahead, so "everything but ours" needs three of them.
 */

/**
 * Every label except `app.kubernetes.io/name`, `managed-by` and `part-of`. An import must keep these: the provider
 * writes its labels one by one only if the state has at least one, and otherwise replaces all labels of the object.
 */
const FOREIGN_LABELS = [
  // without a prefix
  "^[^/]*$",
  // with a prefix other than app.kubernetes.io
  "^([^a]|a[^p]|ap[^p]|app[^.]|app[.][^k])",
  // with another name, such as app.kubernetes.io/instance, which Argo CD sets
  "/[^nmp]",
];

/** Arguments of the kubernetes provider. They apply to the metadata of objects, not to that of pod templates. */
export const IGNORE_FOREIGN = {
  // our annotations come only from the user (exposure.annotations), so an import need not keep any
  ignoreAnnotations: [".*"],
  ignoreLabels: FOREIGN_LABELS,
};
