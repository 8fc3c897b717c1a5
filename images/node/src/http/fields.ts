/**
 * The fields of a body: a JSON object or a form.
 *
 * The platform's parsers need 0.3 to 1.8 s for 1.5 MB of many short names, or for a form value that consists of spaces,
 * and block all other requests meanwhile. So the number of fields is checked first, and a form is decoded here.
 */
import { badRequest } from "./errors";

/** Without a prototype, so that no field name is special. */
export type Fields = Readonly<Record<string, unknown>>;

/** Maximum number of names and values in a body, including nested ones. */
export const MAX_FIELDS = 100;

const tooMany = () => badRequest(`the body has more than ${MAX_FIELDS} fields`);

const [QUOTE, PERCENT, AMPERSAND, PLUS, COMMA, EQUALS, BRACKET, BACKSLASH, BRACE] = Buffer.from('"%&+,=[\\{');

/** @throws HttpError 400 if it is not a JSON object, or has too many fields */
export function jsonFields(body: Buffer): Fields {
  checkJsonSize(body);
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw badRequest("the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest("the body must be a JSON object");
  return Object.assign(Object.create(null), value) as Fields;
}

/** Every value follows a comma, except the first of its object or array, which follows an opening bracket. */
function checkJsonSize(body: Buffer): void {
  if (body.length <= MAX_FIELDS) return;
  let found = 0;
  let inString = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) {
      if (++found > MAX_FIELDS) throw tooMany();
    }
  }
}

/** "id" and "val" have this many bytes if each letter is escaped; longer names are not decoded. */
const LONGEST_NAME = 9;

/**
 * Only `id` and `val`; of several, the last.
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
      const name = decode(body.subarray(begin, nameEnd));
      if (name === "id" || name === "val") fields[name] = decode(body.subarray(Math.min(nameEnd + 1, end), end));
    }
    begin = end + 1;
  }
  return fields;
}

/** Decodes application/x-www-form-urlencoded: url.spec.whatwg.org/#urlencoded-parsing */
function decode(text: Buffer): string {
  if (!text.includes(PLUS!) && !text.includes(PERCENT!)) return text.toString();
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
  return bytes.toString("utf8", 0, size);
}

/** -1 for any other byte. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
