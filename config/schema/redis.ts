/** Redis: durability, storage, backups, encryption and resources. */
import { z } from "zod";
import { dnsName, quantity, resources } from "./common";

const CRON = /^(@(yearly|monthly|weekly|daily|hourly)|([\d*,/-]+ ){4}[\d*,/-]+)$/;

export const redis = z
  .strictObject({
    durability: z
      .enum(["fast", "safe", "ha"])
      .default("safe")
      .describe(
        "fast: the append-only file is synced every second; safe: before a write is acknowledged; ha: before a " +
          "write is acknowledged, also on a second of three nodes",
      ),
    storageClass: z
      .string()
      .min(1)
      .optional()
      .describe("storage class of Redis' volumes; by default the cluster's default class"),
    storage: quantity
      .default("1Gi")
      .describe(
        "size of the volume of main (primary); with ha, of each member. At least three times maxMemory; four times leaves room for what is written while Redis rewrites its append-only file. A larger size enlarges volumes that exist, if their storage class can",
      ),
    maxMemory: z
      .string()
      .regex(/^[1-9]\d*(kb|mb|gb)$/, 'a Redis size such as "256mb"')
      .default("256mb")
      .describe("Redis maxmemory; writes beyond it are refused (noeviction)"),
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
        storage: quantity.default("2Gi").describe("size of the volume that holds them; a larger one enlarges it"),
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
              .describe("bucket; its own lifecycle rules decide how long backups are kept"),
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
    // it is not autoscaled, and it busy-loops on a dead connection (docs/decisions/0012-high-availability.md)
    sentinel: resources({ cpu: "10m", memory: "16Mi", memoryLimit: "64Mi", cpuLimit: "200m" }),
    exporter: resources({ cpu: "20m", memory: "32Mi", memoryLimit: "96Mi" }),
  })
  .prefault({});
