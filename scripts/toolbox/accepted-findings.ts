/**
 * Accepted scanner findings, each with the reason, by the scanner's name for the check. `npm run scan` fails on a
 * finding that is not listed here, and on an entry that matches no finding.
 */
export const ACCEPTED_FINDINGS: Readonly<Record<"checkov" | "kube-score", Readonly<Record<string, string>>>> = {
  checkov: {
    CKV_K8S_11:
      "no CPU limits, because throttling would hide load from the autoscaler; CPU requests ensure fair sharing",
    CKV_K8S_15: "images have exact tags or digests, so a cached image is the same as a pulled one",
    CKV_K8S_40: "containers run as the users that the official images define, which own the files there; none is root",
    CKV_K8S_43: "our images are deployed by digest, third-party images by exact tag (docs/decisions/0004-versions.md)",
  },
  "kube-score": {
    "container-ephemeral-storage-request-and-limit":
      "root file systems are read-only, pods write only to volumes with a size limit, and the kubelet rotates the logs",
    "container-image-pull-policy": "images have exact tags or digests, so a cached image is the same as a pulled one",
    "container-resources":
      "no CPU limits, because throttling would hide load from the autoscaler; all other resources are set",
    "container-security-context-user-group-id":
      "containers run as the users that the official images define, which own the files there; none is root",
    "pod-probes-identical":
      "the front and the exporter are ready whenever they are alive, because they depend on nothing else",
  },
};
