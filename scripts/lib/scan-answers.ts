/**
 * What scanners find here and why it stays, by the scanner's own name of the check. A finding without a line here fails
 * `npm run scan`; so does a line that nothing needs any more.
 */
export const ANSWERS: Readonly<Record<"checkov" | "kube-score", Readonly<Record<string, string>>>> = {
  checkov: {
    CKV_K8S_11:
      "no CPU limits: throttling hides load from the autoscaler that is to see it; requests share the CPU fairly",
    CKV_K8S_15: "images carry exact tags or digests: what a node has under that name is what a pull would bring",
    CKV_K8S_40: "users are those of the official images, whose files they own; none is root",
    CKV_K8S_43: "our images go by digest; third parties by exact tag (docs/decisions/0004-versions.md)",
  },
  "kube-score": {
    "container-ephemeral-storage-request-and-limit":
      "root file systems are read-only, what pods write lies in volumes with a size, logs are rotated by the kubelet",
    "container-image-pull-policy":
      "images carry exact tags or digests: what a node has under that name is what a pull would bring",
    "container-resources":
      "no CPU limits: throttling hides load from the autoscaler that is to see it; all else is set",
    "container-security-context-user-group-id":
      "users are those of the official images, whose files they own; none is root",
    "pod-probes-identical":
      "the page's server and the exporter are ready whenever they are alive: they wait for nobody",
  },
};
