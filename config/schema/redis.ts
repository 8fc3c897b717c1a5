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
        "fast: the append-only file is synced every second; safe: before each answer; ha: and on a second of three nodes",
      ),
    storageClass: z.string().min(1).optional().describe("by default the cluster's default class"),
    storage: quantity.default("1Gi").describe("size of main's volume"),
    maxMemory: z
      .string()
      .regex(/^\d+(kb|mb|gb)$/, 'a Redis size such as "256mb"')
      .default("256mb")
      .describe("Redis maxmemory; writes beyond it are refused (noeviction)"),
    staleSeconds: z
      .number()
      .int()
      .min(5)
      .max(3600)
      .default(60)
      .describe("how long a replica keeps answering after it lost main"),
    backup: z
      .strictObject({
        schedule: z
          .string()
          .regex(CRON, 'five fields such as "17 3 * * *", or @daily')
          .nullable()
          .default(null)
          .describe("when a backup is made, in UTC; null: none"),
        keep: z.number().int().min(1).max(1000).default(7).describe("backups that are kept; older ones go"),
        storage: quantity.default("2Gi").describe("size of the volume that they lie on"),
        s3: z
          .strictObject({
            endpoint: z
              .url({ protocol: /^https?$/ })
              .nullable()
              .default(null)
              .describe(
                "address of an S3-compatible storage they go to instead of a volume, such as https://s3.eu-west-1.amazonaws.com",
              ),
            bucket: z
              .string()
              .min(3)
              .optional()
              .describe("its bucket; how long they stay there is the bucket's own rule"),
            folder: z
              .string()
              .regex(/^[\w./-]*$/, "letters, digits, and _ . - /")
              .default("redis")
              .describe("folder in it"),
            region: z.string().min(2).default("us-east-1").describe("region that requests are signed for"),
            secret: dnsName.optional().describe("Secret with access-key-id and secret-access-key"),
          })
          .prefault({}),
      })
      .prefault({})
      .describe("scheduled backups onto a volume of their own"),
    tls: z
      .strictObject({
        secret: dnsName
          .nullable()
          .default(null)
          .describe("Secret with ca.crt, tls.crt and tls.key, as cert-manager makes it; null: not encrypted"),
      })
      .prefault({})
      .describe("encryption of every connection to Redis"),
    main: resources({ cpu: "100m", memory: "128Mi", memoryLimit: "768Mi" }),
    replica: resources({ cpu: "100m", memory: "128Mi", memoryLimit: "768Mi" }),
    // nobody scales it, and it turns in circles while a connection of its own leads to a pod that is gone: 0012
    sentinel: resources({ cpu: "10m", memory: "16Mi", memoryLimit: "64Mi", cpuLimit: "200m" }),
    exporter: resources({ cpu: "20m", memory: "32Mi", memoryLimit: "96Mi" }),
  })
  .prefault({});
