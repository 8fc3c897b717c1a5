/**
 * Accepted findings of the scanners, each with the reason, by the scanner's name for the check. `npm run scan` fails on
 * a finding that is not listed here, and on an entry that matches no finding.
 */
export const ACCEPTED_FINDINGS: Readonly<Record<"checkov" | "kube-score", Readonly<Record<string, string>>>> = {
  checkov: {
    CKV_K8S_11: "no CPU limits: throttling would hide load from the autoscaler; requests share the CPU fairly",
    CKV_K8S_15: "images have exact tags or digests, so a cached image is the same as a pulled one",
    CKV_K8S_40: "users are those of the official images and own their files; none is root",
    CKV_K8S_43: "our images are deployed by digest, third-party images by exact tag (docs/decisions/0004-versions.md)",
  },
  "kube-score": {
    "container-ephemeral-storage-request-and-limit":
      "root file systems are read-only, pods write to volumes with a size limit, the kubelet rotates the logs",
    "container-image-pull-policy": "images have exact tags or digests, so a cached image is the same as a pulled one",
    "container-resources": "no CPU limits: throttling would hide load from the autoscaler; everything else is set",
    "container-security-context-user-group-id":
      "users are those of the official images and own their files; none is root",
    "pod-probes-identical": "the front and the exporter are ready whenever they are alive: they depend on nothing else",
  },
};
