/** Formats the log lines of many pods as one readable stream. */
import { dim, red, yellow } from "./ui";

export interface LogLine {
  /** ISO 8601, as the cluster recorded it. */
  readonly time: string;
  readonly pod: string;
  /** As the container wrote it. */
  readonly text: string;
}

/** A line of `kubectl logs --prefix --timestamps`: "[pod/NAME/CONTAINER] TIME TEXT". */
export function parseLine(line: string): LogLine | undefined {
  const match = /^\[pod\/([^/]+)\/[^\]]+\] (\S+) ?(.*)$/.exec(line);
  return match ? { pod: match[1]!, time: match[2]!, text: match[3]! } : undefined;
}

const clock = (time: string): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : date.toTimeString().slice(0, 8);
};
const value = (v: unknown): string => (typeof v === "string" && /^[^\s"=]+$/.test(v) ? v : JSON.stringify(v));

/** A JSON line: level and message first, then the other fields as NAME=VALUE. Any other line is unchanged. */
export function readable({ time, pod, text }: LogLine): string {
  const head = `${dim(clock(time))} ${dim(pod)}`;
  let fields: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new SyntaxError();
    fields = parsed as Record<string, unknown>;
  } catch {
    return `${head} ${text}`;
  }
  const { time: _, level, message, ...rest } = fields;
  const paint = level === "error" ? red : level === "warn" ? yellow : (t: string) => t;
  const words = [
    ...(level === undefined ? [] : [paint(String(level))]),
    ...(message === undefined ? [] : [String(message)]),
    ...Object.entries(rest).map(([name, v]) => dim(`${name}=`) + value(v)),
  ];
  return `${head} ${words.join(" ")}`;
}

/** Whether a line has the request's id in its `request` field. */
export const isAbout = (line: LogLine, request: string): boolean => line.text.includes(`"request":"${request}"`);
