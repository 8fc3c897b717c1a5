/** The image registry, and the images to build or pull. */
import { z } from "zod";
import { dnsName, imageName, port } from "./common";

const registryAddress = z
  .string()
  .regex(/^([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?(\/[a-z0-9._/-]+)?$/i, "host[:port][/path], without a scheme or a login");
const httpPath = z.string().regex(/^\/\S*$/, 'a path that starts with "/"');

const builtImage = (d: { context: string; port: number; live: string; ready: string; user: number }) =>
  z
    .strictObject({
      context: z.string().default(d.context).describe("build context, relative to the project"),
      dockerfile: z.string().default("Dockerfile").describe("Dockerfile, relative to context"),
      image: imageName.optional().describe("prebuilt image to deploy; nothing is built, and Docker is not needed"),
      port: port.default(d.port).describe("port that the container listens on"),
      livenessPath: httpPath.default(d.live).describe("HTTP path of the liveness probe"),
      readinessPath: httpPath.default(d.ready).describe("HTTP path of the readiness probe"),
      metricsPath: httpPath
        .nullable()
        .default("/metrics")
        .describe("HTTP path of the metrics; null: the image provides no metrics"),
      runAsUser: z.number().int().min(1).default(d.user).describe("numeric user id of the container, never root"),
      readOnlyRootFilesystem: z
        .boolean()
        .default(true)
        .describe("mount the root file system read-only; false: for an image that must write outside /tmp"),
    })
    .prefault({});

export const registry = z
  .strictObject({
    push: registryAddress.default("localhost:5000").describe("address to which this machine pushes images"),
    pull: registryAddress
      .optional()
      .describe("address from which nodes pull images, if it differs (kind, minikube); by default, registry.push"),
    insecure: z
      .boolean()
      .optional()
      .describe("use plain HTTP; by default, true for localhost and 127.0.0.1, and false otherwise"),
    auth: z
      .enum(["none", "docker"])
      .default("none")
      .describe("docker: use the credentials of `docker login`, from registry.dockerConfig"),
    dockerConfig: z
      .string()
      .default("~/.docker/config.json")
      .describe("Docker's configuration file, which `docker login` writes"),
  })
  .prefault({});

export const images = z
  .strictObject({
    platform: z
      .string()
      .regex(/^linux\/(amd64|arm64)$/, "linux/amd64 or linux/arm64")
      .optional()
      .describe("platform to build for; by default, the Docker engine's"),
    dockerHost: z
      .string()
      .min(1)
      .optional()
      .describe(
        "address of the Docker engine, such as unix:///run/user/1000/docker.sock; by default, DOCKER_HOST or the usual socket",
      ),
    pullSecrets: z.array(dnsName).default([]).describe("names of existing pull Secrets in the application's namespace"),
    mirror: z
      .string()
      .regex(/^[\w.-]+(:\d+)?(\/[\w.-]+)*$/, "HOST[:PORT][/PREFIX], without a slash at its end")
      .optional()
      .describe(
        "registry that holds all third-party images, including those of the charts, under their original paths; for nodes that cannot reach other registries",
      ),
    redis: imageName.optional().describe("Redis image, version 7.2 or later; by default, the pinned one"),
    redisExporter: imageName.optional().describe("redis_exporter image; by default, the pinned one"),
    curl: imageName
      .optional()
      .describe("curl image, for uploading backups to redis.backup.s3; by default, the pinned one"),
    node: builtImage({ context: "images/node", port: 3000, live: "/livez", ready: "/readyz", user: 1000 }),
    react: builtImage({ context: "images/react", port: 8080, live: "/healthz", ready: "/healthz", user: 101 }),
    scaler: builtImage({ context: "images/scaler", port: 8080, live: "/livez", ready: "/readyz", user: 1000 }).describe(
      "the controller that scaling.fast deploys",
    ),
  })
  .prefault({});
