/** The cluster's DNS, which every pod needs and NetworkPolicies must allow. */
import { isIP } from "node:net";
import { z } from "zod";
import { dnsName } from "./common";

/** NodeLocal DNSCache addresses in Kubernetes' documentation (also used by GKE), in kubespray, and in AKS' LocalDNS. */
const NODE_CACHES = ["169.254.20.10", "169.254.25.10", "169.254.10.10", "169.254.10.11"];

export const dns = z
  .strictObject({
    namespace: dnsName.default("kube-system").describe("namespace of the cluster's DNS"),
    domain: z.string().min(1).default("cluster.local").describe("the cluster's DNS domain"),
    ports: z
      .array(z.number().int().min(1).max(65535))
      .min(1)
      .default([53, 5353])
      .describe(
        "ports that the DNS pods listen on, for NetworkPolicies; on OpenShift, this is 5353, not the Service's port 53",
      ),
    addresses: z
      .array(z.string().refine((address) => isIP(address) !== 0, "an IP address"))
      .default(NODE_CACHES)
      .describe(
        "addresses of DNS servers that are not pods, for NetworkPolicies; by default, those of common node-local caches",
      ),
  })
  .prefault({});
