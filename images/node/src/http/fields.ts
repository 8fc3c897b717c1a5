/**
 * Parses the fields of a body, which is a JSON object or a form.
 *
 * The platform's parsers need 0.3 to 1.8 s for 1.5 MB of many short names, or for a form value that consists of spaces,
 * and block all other requests in the meantime. So the number of fields is checked first, and forms are decoded here.
 */
import { isUtf8 } from "node:buffer";
import { badRequest } from "./errors";

/** An object without a prototype, so that no field name is special. */
export type Fields = Readonly<Record<string, unknown>>;

/** Maximum number of names and values in a body, including nested ones. */
export const MAX_FIELDS = 100;

const tooMany = () => badRequest(`the body has more than ${MAX_FIELDS} fields`);

const [QUOTE, PERCENT, AMPERSAND, PLUS, COMMA, EQUALS, BRACKET, BACKSLASH, BRACE] = Buffer.from('"%&+,=[\\{');
const [COLON, BRACE_END, BRACKET_END] = Buffer.from(":}]");

/** Otherwise, different bytes would become the same text, and different keys would become the same key. */
function textOf(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) throw badRequest(`${what} is not valid UTF-8`);
  return bytes.toString();
}

/** @throws HttpError 400 if it is not a JSON object, or has too many fields */
export function jsonFields(body: Buffer): Fields {
  checkJsonSize(body);
  const text = textOf(body, "the body");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest("the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest("the body must be a JSON object");
  const fields = Object.assign(Object.create(null), value) as Record<string, unknown>;
  if (typeof fields["val"] === "number") fields["val"] = numberText(body);
  return fields;
}

/**
 * The text of the number that is the last field called `val`: as a number of JavaScript, 12345678901234567890 and 1e400
 * would change. It reads each byte once, because a parser that keeps numbers as text is slow enough for a body to delay
 * all other requests.
 *
 * @param json a valid object with such a field
 */
function numberText(json: Buffer): string {
  let found = "";
  let depth = 0;
  /** The last string outside of nested values; a colon makes it the name of a field. */
  let string = json.subarray(0, 0);
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === QUOTE) {
      const begin = i;
      i = endOfString(json, begin);
      if (depth === 1) string = json.subarray(begin, i + 1);
    } else if (byte === BRACE || byte === BRACKET) depth++;
    else if (byte === BRACE_END || byte === BRACKET_END) depth--;
    else if (byte === COLON && depth === 1 && isVal(string)) found = tokenAt(json, i + 1);
  }
  return found;
}

/** Index of the quote that ends the string that begins at `begin`; that of the end of `json` or more, if there is none. */
function endOfString(json: Buffer, begin: number): number {
  let i = begin + 1;
  while (i < json.length && json[i] !== QUOTE) i += json[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** Whether a string, with its quotes, is `val`; each of its letters may be escaped, as 6 characters. */
const isVal = (string: Buffer): boolean => string.length <= 20 && JSON.parse(string.toString()) === "val";

/** A number, or the beginning of any other value, without the space around it. */
function tokenAt(json: Buffer, from: number): string {
  // in JSON, only space is this low
  const isSpace = (i: number) => json[i]! <= 0x20;
  let begin = from;
  while (isSpace(begin)) begin++;
  let end = begin;
  while (!isSpace(end) && json[end] !== COMMA && json[end] !== BRACE_END) end++;
  return json.toString("latin1", begin, end);
}

/** Every value follows a comma, except the first of its object or array, which follows an opening bracket. */
function checkJsonSize(body: Buffer): void {
  if (body.length <= MAX_FIELDS) return;
  let found = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) i = endOfString(body, i);
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) {
      if (++found > MAX_FIELDS) throw tooMany();
    }
  }
}

/** Length of "id" and "val" if each letter is escaped; longer names are not decoded. */
const LONGEST_NAME = 9;

/**
 * Only `id` and `val`; if one appears several times, the last one counts.
 * @throws HttpError 400 if it has too many fields
 */
export function formFields(body: Buffer): Fields {
  const fields = Object.create(null) as Record<string, unknown>;
  for (let begin = 0, found = 0; begin < body.length; found++) {
    if (found === MAX_FIELDS) throw tooMany();
    const next = body.indexOf(AMPERSAND!, begin);
    const end = next < 0 ? body.length : next;
    const equals = body.subarray(begin, end).indexOf(EQUALS!);
    const nameEnd = equals < 0 ? end : begin + equals;
    if (nameEnd - begin <= LONGEST_NAME) {
      const name = decode(body.subarray(begin, nameEnd)).toString();
      if (name === "id" || name === "val") {
        fields[name] = textOf(decode(body.subarray(Math.min(nameEnd + 1, end), end)), name);
      }
    }
    begin = end + 1;
  }
  return fields;
}

/**
 * The first parameter called `name` in a URL's query, as a browser encodes it; null if there is none. Only names that
 * could be `name` are decoded, because a query may have thousands of others.
 * @throws HttpError 400 if it is not text, or comes after too many other parameters
 */
export function queryParameter(query: string, name: string): string | null {
  for (let begin = 0, found = 0; begin <= query.length; found++) {
    if (found > MAX_FIELDS) throw badRequest(`the query has more than ${MAX_FIELDS} parameters`);
    const next = query.indexOf("&", begin);
    const end = next < 0 ? query.length : next;
    const equals = query.indexOf("=", begin);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    // an encoded character is three characters long; each character of a URL is one byte
    if (nameEnd - begin <= 3 * name.length && latin1(query, begin, nameEnd).toString() === name)
      return textOf(latin1(query, nameEnd + 1, end), name);
    begin = end + 1;
  }
  return null;
}

const latin1 = (text: string, begin: number, end: number): Buffer =>
  decode(Buffer.from(text.slice(begin, Math.max(begin, end)), "latin1"));

/** Decodes application/x-www-form-urlencoded: url.spec.whatwg.org/#urlencoded-parsing */
function decode(text: Buffer): Buffer {
  if (!text.includes(PLUS!) && !text.includes(PERCENT!)) return text;
  const bytes = Buffer.allocUnsafe(text.length);
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]!;
    const high = byte === PERCENT ? hexDigit(text[i + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(text[i + 2]);
    if (low >= 0) {
      bytes[size++] = high * 16 + low;
      i += 2;
    } else bytes[size++] = byte === PLUS ? 0x20 : byte;
  }
  return bytes.subarray(0, size);
}

/** -1 for any other byte. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
