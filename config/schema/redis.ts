/** Redis: durability, storage, backups, encryption and resources. */
import { z } from "zod";
import { bytes, dnsName, quantity, resources } from "./common";

const CRON = /^(@(yearly|monthly|weekly|daily|hourly)|([\d*,/-]+ ){4}[\d*,/-]+)$/;

export const redis = z
  .strictObject({
    durability: z
      .enum(["fast", "safe", "ha"])
      .default("safe")
      .describe(
        "fast: syncs the append-only file to disk every second; safe: syncs it before acknowledging a write; ha: syncs it on two of three nodes before acknowledging a write",
      ),
    storageClass: z
      .string()
      .min(1)
      .optional()
      .describe("storage class of Redis' volumes; by default, the cluster's default class"),
    storage: quantity
      .default("1Gi")
      .describe(
        "volume size of main (primary) or, with ha, of each member. At least three times maxMemory; four times leaves room for what is written while Redis rewrites its append-only file. A larger size enlarges existing volumes, if their storage class supports this",
      ),
    maxMemory: z
      .string()
      .regex(/^[1-9]\d*(kb|mb|gb)$/, 'a Redis size such as "256mb"')
      .default("256mb")
      .describe("Redis' maxmemory setting; beyond it, writes are rejected (noeviction)"),
    staleSeconds: z
      .number()
      .int()
      .min(5)
      .max(3600)
      .default(60)
      .describe("seconds for which a replica keeps serving reads after it loses its connection to main"),
    backup: z
      .strictObject({
        schedule: z
          .string()
          .regex(CRON, 'a cron schedule of five fields such as "17 3 * * *", or @daily')
          .nullable()
          .default(null)
          .describe("cron schedule of backups, in UTC; null: no backups"),
        keep: z
          .number()
          .int()
          .min(1)
          .max(1000)
          .default(7)
          .describe("number of backups to keep on the volume; older ones are deleted"),
        storage: bytes
          .default("2Gi")
          .describe("size of the volume for backups; a larger size enlarges an existing volume"),
        s3: z
          .strictObject({
            endpoint: z
              .url({ protocol: /^https?$/ })
              .nullable()
              .default(null)
              .describe(
                "URL of an S3-compatible store that holds backups instead of a volume, such as https://s3.eu-west-1.amazonaws.com",
              ),
            bucket: z
              .string()
              .min(3)
              .optional()
              .describe("bucket for backups; the bucket's own lifecycle rules decide how long they are kept"),
            folder: z
              .string()
              .regex(/^[\w./-]*$/, "letters, digits, and _ . - /")
              .default("redis")
              .describe("folder in the bucket"),
            region: z.string().min(2).default("us-east-1").describe("region for request signatures"),
            secret: dnsName.optional().describe("Secret with access-key-id and secret-access-key"),
          })
          .prefault({}),
      })
      .prefault({})
      .describe("scheduled backups"),
    tls: z
      .strictObject({
        secret: dnsName
          .nullable()
          .default(null)
          .describe("Secret with ca.crt, tls.crt and tls.key, as cert-manager creates it; null: no encryption"),
      })
      .prefault({})
      .describe("encryption of every connection to Redis"),
    main: resources({ cpu: "100m", memory: "128Mi", memoryLimit: "768Mi" }),
    replica: resources({ cpu: "100m", memory: "128Mi", memoryLimit: "768Mi" }),
    // limited because Sentinel is not autoscaled, and busy-loops on a dead connection
    // (docs/decisions/0012-high-availability.md)
    sentinel: resources({ cpu: "10m", memory: "16Mi", memoryLimit: "64Mi", cpuLimit: "200m" }),
    exporter: resources({ cpu: "20m", memory: "32Mi", memoryLimit: "96Mi" }),
  })
  .prefault({});
