/**
 * The record with which main proves that it is still main: key `commit` in database 1 of every member,
 * `EPOCH COUNT PROMISED GENERATION`.
 *
 * - EPOCH: the epoch of the last main that was established in this history.
 * - COUNT: groups of writes since then.
 * - PROMISED: the highest epoch that a main of this history has had its copies promise.
 * - GENERATION: number of snapshots restored so far; missing if there were none. The API does not change it.
 *
 * Main confirms no writes until another member that follows it has the promise on disk. From then on, that member
 * follows no main with a smaller promise, so no older main can get a group of writes confirmed. Docs: decisions/0015.
 */
import { createHash } from "node:crypto";
import type { Connection } from "../connection/connection";
import { NoAnswer, NotSent, Refused } from "../connection/errors";
import type { MainSource } from "../connection/main-source";
import type { Confirmation } from "./confirmation";

/**
 * One script for the three steps, so that an established connection can run it by its hash. Without `allow-oom`, a full
 * main could not confirm deletions. Database 1 keeps the key out of lists and counts.
 */
const SCRIPT = `#!lua flags=allow-oom
local step, e = ARGV[1], tonumber(ARGV[2])
redis.call('SELECT', 1)
local epoch, count, promised, rest = 0, 0, 0, ''
local record = redis.call('GET', 'commit')
if record then
  local a, b, c, d = string.match(record, '^(%d+) (%d+) (%d+)(.*)$')
  if not a or (d ~= '' and not string.match(d, '^ %d+$')) then
    return redis.error_reply('STALE the commit record cannot be read')
  end
  epoch, count, promised, rest = tonumber(a), tonumber(b), tonumber(c), d
end
local function stale() return redis.error_reply('STALE epoch ' .. e .. ', the record is ' .. tostring(record)) end
local function write() redis.call('SET', 'commit', string.format('%.0f %.0f %.0f', epoch, count, promised) .. rest) end
if step == 'prepare' then
  if epoch > e or promised > e then return stale() end
  if epoch == e then
    -- main may have restarted, and a copy may have counted a group that main lost: no count is used twice
    count = (math.floor(count / 1000000) + 1) * 1000000
    write()
    return 1
  end
  promised = e
elseif step == 'establish' then
  if epoch == e then return 1 end
  if promised ~= e then return stale() end
  epoch, count = e, 0
else
  if epoch ~= e or promised > e then return stale() end
  count = count + 1
end
write()
return 0
`;
const HASH = createHash("sha1").update(SCRIPT).digest("hex");

export class CommitRecord {
  /** Session and epoch of the main that was last established on this connection. */
  private established: { readonly session: number; readonly epoch: number } | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly source: MainSource,
    private readonly confirmation: Confirmation,
  ) {}

  /** Whether a group may be sent: the other end is main and has been established. */
  get ready(): boolean {
    const { established, connection } = this;
    return (
      established !== undefined &&
      established.session === connection.session &&
      established.epoch === this.source.epochOf(connection.target)
    );
  }

  /**
   * Establishes main in its epoch, if it is not established yet.
   *
   * @param onWait see {@link Confirmation.confirm}
   * @throws NotSent if this is not certain yet, Refused if main rejects all writes
   */
  async establish(onWait: () => void): Promise<void> {
    const { connection, source } = this;
    const { session } = connection;
    const epoch = source.epochOf(connection.target);
    if (epoch === undefined || !connection.usable) throw new NotSent("Redis main is not reachable");
    // the whole script, so that main afterwards has it cached under its hash
    const run = (step: string) => connection.send((client) => client.eval(SCRIPT, 0, step, epoch), session);
    try {
      if ((await run("prepare")) !== 1) {
        await this.confirmation.confirm(session, onWait);
        await run("establish");
      }
      this.established = { session, epoch };
    } catch (error) {
      const doubt = this.doubted(error as Error);
      // what waits for this was not sent
      throw doubt instanceof NoAnswer ? new NotSent(`Redis main is not established: ${doubt.message}`) : doubt;
    }
  }

  /**
   * Ends a group with a command that is always replicated, so that there is something to confirm. Rejects if main is no
   * longer main.
   */
  async fence(): Promise<void> {
    const { connection, established } = this;
    if (!established) throw new NotSent("Redis main is not established");
    const { session, epoch } = established;
    try {
      await connection
        .send((client) => client.evalsha(HASH, 0, "fence", epoch), session)
        // main has forgotten its scripts and executed nothing: a later fence in the same session proves just as much
        .catch((error: unknown) => {
          if (!(error instanceof Refused && error.code === "NOSCRIPT")) throw error;
          return connection.send((client) => client.eval(SCRIPT, 0, "fence", epoch), session);
        });
    } catch (error) {
      throw this.doubted(error as Error);
    }
  }

  private doubted(error: Error): Error {
    this.established = undefined;
    if (!(error instanceof Refused)) return error;
    this.source.refused(error, this.connection);
    return error.code === "STALE" ? new NotSent("Redis main is being replaced") : error;
  }
}
