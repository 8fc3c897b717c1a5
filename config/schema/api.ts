/** The API and the front (keys `node` and `react`, which are their Services' names). */
import { z } from "zod";
import { resources } from "./common";

export const node = z
  .strictObject({
    allowedOrigins: z
      .array(z.string().min(1))
      .min(1)
      .default(["*"])
      .describe('origins that may call the API from a browser; "*" for all'),
    discovery: z
      .enum(["watch", "dns", "address"])
      .default("watch")
      .describe(
        "how the API finds the replicas. watch: EndpointSlices, at once, needs a Role; dns: a headless Service, within seconds; address: one Service, one replica a connection",
      ),
    maxLagSeconds: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(5)
      .describe("a replica further behind main than this gets no reads"),
    maxInFlight: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(512)
      .describe("requests in work in one pod; more are refused with 503 and Retry-After"),
    connectionAgeSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(10)
      .describe("mean age after which a kept-alive connection is closed, so that new pods get their share"),
    resources: resources({ cpu: "100m", memory: "96Mi", memoryLimit: "256Mi" }),
  })
  .prefault({});

export const react = z
  .strictObject({
    resources: resources({ cpu: "30m", memory: "32Mi", memoryLimit: "96Mi" }),
  })
  .prefault({});
