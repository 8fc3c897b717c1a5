/** Shows the load live, as a block that is redrawn or, without a terminal, as periodic lines. */
import { bold, dim, green, red, say, yellow } from "../terminal/ui";
import type { Shape } from "./profile";
import type { Sample } from "./samples";

/** Interval between lines if there is no terminal, in seconds. */
const LINE_SECONDS = 5;
const BAR = "▁▂▃▄▅▆▇█";

export class Live {
  private readonly tty = Boolean(process.stdout.isTTY);
  private readonly history: number[] = [];
  private drawn = 0;
  private nextLine = 0;

  constructor(private readonly shape: Shape) {}

  waiting(text: string): void {
    if (this.tty) this.draw([dim(text)]);
    else say(text);
  }

  show(sample: Sample): void {
    if (!this.tty) {
      if (sample.second < this.nextLine) return;
      this.nextLine = sample.second + LINE_SECONDS;
      say(lines(sample).join("; "));
      return;
    }
    this.history.push(sample.answered + sample.refused + sample.failed);
    const width = Math.max(10, Math.min(60, (process.stdout.columns ?? 80) - 20));
    const bar = this.history
      .slice(-width)
      .map((rate) => BAR[Math.min(BAR.length - 1, Math.floor((rate / this.shape.rate) * (BAR.length - 1)))] ?? BAR[0]!)
      .join("");
    const done = Math.min(1, sample.second / this.shape.seconds);
    this.draw([
      `${bold(this.shape.profile)} ${sample.second.toFixed(0)} of ${this.shape.seconds} s ${dim(`(${Math.round(done * 100)} %, Ctrl+C stops it)`)}`,
      dim(bar),
      ...lines(sample),
    ]);
  }

  end(): void {
    this.drawn = 0;
  }

  private draw(text: readonly string[]): void {
    const up = this.drawn ? `\u001b[${this.drawn}A` : "";
    process.stdout.write(`${up}${text.map((line) => `\u001b[2K${line}\n`).join("")}`);
    this.drawn = text.length;
  }
}

function lines(s: Sample): string[] {
  const ms = (value: number | null) =>
    value === null ? "–" : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
  const trouble = [
    s.refused >= 0.5 && yellow(`${s.refused.toFixed(0)}/s refused`),
    s.failed >= 0.5 && red(`${s.failed.toFixed(0)}/s failed`),
    s.dropped >= 0.5 && yellow(`${s.dropped.toFixed(0)}/s not sent`),
  ].filter(Boolean);
  const pods = Object.entries(s.pods).map(([name, { ready, wanted }]) => {
    const text = `${name} ${ready}/${wanted}`;
    return ready < wanted ? yellow(text) : text;
  });
  return [
    `target ${s.asked.toFixed(0)}/s, answered ${s.answered.toFixed(0)}/s, p50 ${ms(s.p50)}, p99 ${ms(s.p99)}, ${trouble.length ? trouble.join(", ") : green("no failures")}`,
    `Ready: ${pods.join("  ")}`,
  ];
}
