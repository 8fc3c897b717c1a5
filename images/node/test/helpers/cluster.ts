/** Runs main and replicas as real processes, with their EndpointSlices in a fake Kubernetes API. */
import { FakeKubernetes } from "./fake-kubernetes";
import { eventually, freePort, Redis } from "./redis";

export class Cluster {
  readonly kubernetes = new FakeKubernetes();
  main!: Redis;
  readonly replicas: Redis[] = [];

  static nameOf = (redis: Redis): string => `replica-${redis.port}`;

  async start(replicas: number): Promise<this> {
    await this.kubernetes.start();
    this.main = await new Redis(await freePort()).start();
    for (let i = 0; i < replicas; i++) await this.add();
    return this;
  }

  get env(): Record<string, string> {
    return this.kubernetes.env;
  }

  async add(): Promise<Redis> {
    const redis = await new Redis(await freePort(), this.main.port).start();
    this.replicas.push(redis);
    this.rejoin(redis);
    return redis;
  }

  rejoin(redis: Redis): void {
    if (!this.replicas.includes(redis)) this.replicas.push(redis);
    this.kubernetes.put(Cluster.nameOf(redis), {
      addressType: "IPv4",
      ports: [{ port: redis.port }],
      endpoints: [
        { addresses: ["127.0.0.1"], conditions: { ready: true }, targetRef: { name: Cluster.nameOf(redis) } },
      ],
    });
  }

  /** Removes a replica from the endpoints; its process keeps running. */
  leave(redis: Redis): void {
    this.kubernetes.remove(Cluster.nameOf(redis));
    this.replicas.splice(this.replicas.indexOf(redis), 1);
  }

  /** Waits until all replicas have caught up with main. */
  async synced(): Promise<void> {
    const offset = (r: Redis, field: string) => new RegExp(`${field}:(\\d+)`).exec(r.cli("INFO", "replication"))?.[1];
    await eventually("the replicas to catch up", () =>
      this.replicas.every((r) => offset(r, "slave_repl_offset") === offset(this.main, "master_repl_offset")),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((r) => r.stop()));
    await this.main?.stop();
    await this.kubernetes.stop();
  }
}
