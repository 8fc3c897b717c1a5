/** Configuration of the API and the front. Their keys, `node` and `react`, are the names of their Services. */
import { z } from "zod";
import { resources } from "./common";

export const node = z
  .strictObject({
    allowedOrigins: z
      .array(z.string().min(1))
      .min(1)
      .default(["*"])
      .describe('origins that may call the API from a browser; "*" allows all'),
    discovery: z
      .enum(["watch", "dns", "address"])
      .default("watch")
      .describe(
        "how the API finds the replicas. watch: through EndpointSlices, which is immediate but needs a Role; dns: through a headless Service, which takes seconds; address: through a single Service, one replica per connection",
      ),
    maxLagSeconds: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(5)
      .describe("maximum lag in seconds; a replica that lags further behind main gets no reads"),
    maxInFlight: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(512)
      .describe("maximum number of requests in flight per pod; any others are shed with 503 and Retry-After"),
    connectionAgeSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(10)
      .describe(
        "mean age in seconds at which a keep-alive connection is closed, so that new pods get their share of the load",
      ),
    resources: resources({ cpu: "100m", memory: "96Mi", memoryLimit: "256Mi" }),
  })
  .prefault({});

export const react = z
  .strictObject({
    resources: resources({ cpu: "30m", memory: "32Mi", memoryLimit: "96Mi" }),
  })
  .prefault({});
