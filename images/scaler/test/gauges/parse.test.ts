/** Reads one gauge from Prometheus' text format. */
import { describe, expect, it } from "vitest";
import { gauge } from "../../src/gauges/parse";

const TEXT = `# HELP load Load of this process
# TYPE load gauge
load 12.5
# TYPE load_total counter
load_total 99
other_load 3
spaced	7 1700000000000
labelled{pod="a}\\"b",x="1"} 4.5e-3
many{pod="a"} 1
many{pod="b"} 2
empty
nothing NaN
endless +Inf
last 8`;

describe("a gauge", () => {
  it.each<[string, string, number | undefined]>([
    ["is found by its whole name", "load", 12.5],
    ["is found if its name starts with that of another metric", "load_total", 99],
    ["may have a timestamp", "spaced", 7],
    ["may have labels with any content", "labelled", 0.0045],
    ["is found in the last line", "last", 8],
    ["is not a number if there are several series", "many", NaN],
    ["is not a number if its value is NaN", "nothing", NaN],
    ["is not a number if it is infinite", "endless", NaN],
    ["is missing if it has no value", "empty", undefined],
    ["is missing if no line contains it", "absent", undefined],
    ["is missing if only a comment contains it", "HELP", undefined],
  ])("%s", (_, name, expected) => {
    expect(gauge(TEXT, name)).toEqual(expected);
  });
  it("is missing in an empty text, and in a text that ends before the gauge's value", () => {
    expect(gauge("", "load")).toBeUndefined();
    expect(gauge("load", "load")).toBeUndefined();
    expect(gauge('load{a="', "load")).toBeUndefined();
    expect(gauge("load ", "load")).toBeNaN();
  });
});
