/** Tests the results and the cost of the body parser. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formFields, jsonFields, MAX_FIELDS, queryParameter } from "../../src/http/fields";
import { HttpError } from "../../src/http/errors";

const BODY_BYTES = 1.5 * 1024 * 1024;
const repeated = (piece: string) => Buffer.from(piece.repeat(Math.floor(BODY_BYTES / piece.length)));
const numbered = (piece: (i: number) => string) => {
  const pieces: string[] = [];
  for (let i = 0, size = 0; size < BODY_BYTES; i++) size += pieces[pieces.push(piece(i)) - 1]!.length;
  return pieces.join("");
};
const rejection = (parse: () => unknown): HttpError => {
  try {
    parse();
  } catch (error) {
    return error as HttpError;
  }
  throw new Error("not rejected");
};
/**
 * CPU time of this process, in ms: unlike elapsed time, it does not depend on how busy the machine is. The shortest of
 * three runs counts.
 */
const cost = (run: () => unknown): number =>
  Math.min(
    ...[1, 2, 3].map(() => {
      const begin = process.cpuUsage();
      try {
        run();
      } catch (error) {
        expect(error).toBeInstanceOf(HttpError);
      }
      const { user, system } = process.cpuUsage(begin);
      return (user + system) / 1000;
    }),
  );

describe("the fields of a form", () => {
  it("are decoded like a browser's", () => {
    const text = fc.string({ unit: "binary", maxLength: 50 }).filter((s) => s.isWellFormed());
    fc.assert(
      fc.property(text, text, text, (id, val, other) => {
        const form = new URLSearchParams([
          [other, "x"],
          ["id", id],
          ["val", val],
        ]);
        const expected = Object.fromEntries(form);
        const found = formFields(Buffer.from(form.toString()));
        expect([found["id"], found["val"]]).toEqual([expected["id"], expected["val"]]);
      }),
      { numRuns: 50 },
    );
  });
  it.each([
    "id=a&val=b&val=c",
    "%69d=a&v%61l=b",
    "id=a%2&val=%zz%",
    "id&val",
    "id=%EF%BF%BD&val=%E2%9C%93",
    "&&id=a=b&&val==",
    "i+d=a&va%6C=+b+",
    "id=a;val=b",
    "ID=a&Val=b",
    "%2569d=a",
    "",
  ])("of %s are what URLSearchParams finds", (text) => {
    const expected = new URLSearchParams(text);
    const found = formFields(Buffer.from(text));
    expect([found["id"], found["val"]]).toEqual([expected.getAll("id").at(-1), expected.getAll("val").at(-1)]);
  });
  it("are limited in number", () => {
    expect(formFields(Buffer.from(`${"a=1&".repeat(MAX_FIELDS - 1)}id=k`))["id"]).toBe("k");
    const { status, message } = rejection(() => formFields(Buffer.from(`${"a=1&".repeat(MAX_FIELDS)}id=k`)));
    expect([status, message]).toEqual([400, `the body has more than ${MAX_FIELDS} fields`]);
  });
});

describe("bytes that are not text", () => {
  // each would become U+FFFD, so they would all be the same key
  it.each<[string, () => unknown, string]>([
    ["in a form's id", () => formFields(Buffer.from("id=%ff&val=a")), "id is not valid UTF-8"],
    ["in a form's val", () => formFields(Buffer.from("id=a&val=%F0%9F")), "val is not valid UTF-8"],
    ["in JSON", () => jsonFields(Buffer.from('{"id":"\xff"}', "latin1")), "the body is not valid UTF-8"],
    ["in a query", () => queryParameter("x=1&id=%ff", "id"), "id is not valid UTF-8"],
    ["an unpaired surrogate in a query", () => queryParameter("id=%ED%A0%80", "id"), "id is not valid UTF-8"],
    ["not encoded in a query", () => queryParameter("id=\xff", "id"), "id is not valid UTF-8"],
  ])("are refused: %s", (_, parse, message) => {
    expect(rejection(parse)).toMatchObject({ status: 400, message });
  });
  it("may be in other fields", () => {
    expect(formFields(Buffer.from("other=%ff&id=a"))["id"]).toBe("a");
    expect(queryParameter("other=%ff&id=a", "id")).toBe("a");
  });
});

describe("a query's parameter", () => {
  it.each(["&", "a&", "%69d&", "x=%69d&"])("is not looked for after more than 100 others: %s", (piece) => {
    const query = piece.repeat(Math.floor(8000 / piece.length));
    const message = "the query has more than 100 parameters";
    expect(rejection(() => queryParameter(query, "match"))).toMatchObject({ status: 400, message });
    expect(queryParameter(`${piece.repeat(100)}match=a`, "match")).toBe("a");
  });
  it("is decoded as in a browser; if there are several, the first one counts", () => {
    const text = fc.string({ unit: "binary", maxLength: 50 }).filter((s) => s.isWellFormed());
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        const query = new URLSearchParams([
          [a, b],
          ["id", c],
          [b, a],
          ["id", d],
        ]);
        expect(queryParameter(query.toString(), "id")).toBe(query.get("id"));
      }),
      { numRuns: 50 },
    );
    for (const query of ["", "id", "id=", "&&", "ID=a", "i%64=a+b", "id=a=b", "id=%zz%2", "idx=1"]) {
      expect(queryParameter(query, "id")).toBe(new URLSearchParams(query).get("id"));
    }
  });
});

describe("the fields of JSON", () => {
  const parse = (text: string) => jsonFields(Buffer.from(text));
  it("have no special names", () => {
    expect(parse('{"id":"a","__proto__":"b","val":"c"}')).toMatchObject({ id: "a", val: "c" });
    expect(parse('{"a":{}}')["constructor"]).toBeUndefined();
  });
  it.each([
    ['{"val":1.10}', "1.10"],
    ['{"val": 12345678901234567890 ,"id":"a"}', "12345678901234567890"],
    ['{"id":"a","other":{"val":2},"v\\u0061l":-0}', "-0"],
    ['{"val":"first","val":1,"val":2e400}', "2e400"],
    ['{"id":"\\ud83d\\ude00 \\"val\\":3","val":4}', "4"],
    ['{"id":"a","val":[{"val":1}],"val"\n:\t5.0e-3\r\n}', "5.0e-3"],
    ['{"val":1,"id":"val"}', "1"],
  ])("keep the text of a number called val: %s", (text, val) => {
    expect(parse(text)["val"]).toBe(val);
    expect(parse(text)["id"]).toBe((JSON.parse(text) as { id?: string }).id);
  });
  it("keep any number's text, whatever else is in the body", () => {
    const others = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue(), { maxKeys: 5 });
    const number = fc.oneof(
      fc.bigInt().map(String),
      fc.double({ noNaN: true }).map((n) => `${n}`.replace(/.*Inf.*/, "1e999")),
    );
    fc.assert(
      fc.property(others, number, (other, source) => {
        const { val: _, ...rest } = other;
        const text = JSON.stringify(rest).replace(/}$/, `${Object.keys(rest).length ? "," : ""}"val":${source}}`);
        expect(parse(text)["val"]).toBe(source);
      }),
      { numRuns: 100 },
    );
  });
  it("are limited in number, including nested ones, but the contents of a value are not", () => {
    const val = '[{",:\\"\\\\'.repeat(1000);
    expect(parse(JSON.stringify({ id: "k", val }))).toEqual({ id: "k", val });
    for (const body of [
      `{${'"a":1,'.repeat(MAX_FIELDS)}"id":"k"}`,
      `{"id":"k","a":${"[".repeat(MAX_FIELDS)}${"]".repeat(MAX_FIELDS)}}`,
      "[".repeat(MAX_FIELDS + 1),
      `{"a":`.repeat(MAX_FIELDS + 1),
    ]) {
      const { status, message } = rejection(() => parse(body));
      expect([status, message]).toEqual([400, `the body has more than ${MAX_FIELDS} fields`]);
    }
  });
  it.each([
    ["{", "the body is not JSON"],
    ['{"id":"a', "the body is not JSON"],
    ['{"id":"a\\', "the body is not JSON"],
    ["", "the body is not JSON"],
    ["[]", "the body must be a JSON object"],
    ["null", "the body must be a JSON object"],
    ['"id"', "the body must be a JSON object"],
  ])("of %s are refused with a reason", (body, reason) => {
    expect(rejection(() => parse(body))).toMatchObject({ status: 400, message: reason });
  });
});

describe("a body of the largest size", () => {
  it.each<[string, Buffer, typeof formFields]>([
    ["a form of short names", repeated("a=&"), formFields],
    ["a form of many names", Buffer.from(numbered((i) => `${i.toString(36)}&`)), formFields],
    ["a form of separators", repeated("&"), formFields],
    ["a form with one value of spaces", Buffer.concat([Buffer.from("id=a&val="), repeated("+")]), formFields],
    ["a form with one value of escapes", Buffer.concat([Buffer.from("id=a&val="), repeated("%F0")]), formFields],
    ["a form with one long name", repeated("%69"), formFields],
    ["JSON of many names", Buffer.from(`{${numbered((i) => `"${i.toString(36)}":1,`)}"id":"a"}`), jsonFields],
    ["deep arrays", repeated("["), jsonFields],
    ["deep objects", repeated('{"a":'), jsonFields],
    ["JSON with one value of escapes", Buffer.from(`{"val":"${repeated("\\u0041").toString()}"}`), jsonFields],
    ["JSON with one number", Buffer.from(`{"val":${repeated("1").toString()}}`), jsonFields],
    ["JSON with text next to a number", Buffer.from(`{"x":"${repeated("v").toString()}","val":1}`), jsonFields],
    ["JSON with escapes next to a number", Buffer.from(`{"x":"${repeated("\\n").toString()}","val":1}`), jsonFields],
    [
      "JSON with letters next to a number",
      Buffer.from(`{"x":"${repeated("é").toString().slice(0, 7e5)}","val":1}`),
      jsonFields,
    ],
    ["bytes that are not text", Buffer.alloc(BODY_BYTES, 0xff), jsonFields],
  ])("is parsed within a fraction of a second, for %s", (_, body, parse) => {
    // measured: 0.1 to 30 ms; with the platform's parsers, 340 to 1,500 ms for most of these
    expect(cost(() => parse(body))).toBeLessThan(200);
  });
});
