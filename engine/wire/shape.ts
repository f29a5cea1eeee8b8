/**
 * Looks a MessagePack body over before the library decodes it: one value and nothing behind it, of
 * nil, booleans, numbers, strings, byte strings, arrays and maps with string keys, within bounds on
 * depth and size. Extension types (dates, records, class instances) are refused, and a declared
 * length is checked against the bytes that are there, so that no message can make the decoder
 * allocate more than it carries. Formats: MessagePack specification, "Formats".
 */
import { FaregateError } from '../errors.ts';
import { WIRE_DEPTH_MAX, WIRE_ITEMS_MAX } from '../limits.ts';

/** Bytes of a scalar's value by its first byte, C0 (nil) to D3 (int 64); -1 is looked at apart. */
const fixedBytes = new Map<number, number>([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** First byte -> bytes of the length that follows it, for byte strings and strings. */
const lengthBytes = new Map<number, number>([
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
]);

interface Cursor {
  readonly bytes: Uint8Array;
  position: number;
  items: number;
}

/** @throws FaregateError UPLOAD_MALFORMED saying what is wrong and at which byte. */
export function checkShape(bytes: Uint8Array): void {
  const cursor: Cursor = { bytes, position: 0, items: 0 };
  skipValue(cursor, 0);
  if (cursor.position !== bytes.length) throw malformed(cursor, 'bytes behind the message');
}

function skipValue(cursor: Cursor, depth: number): void {
  if (++cursor.items > WIRE_ITEMS_MAX) throw malformed(cursor, 'too many values');
  const first = take(cursor, 1);
  if (first <= 0x7f || first >= 0xe0) return;
  if (first <= 0x8f) skipMany(cursor, first & 0x0f, true, depth);
  else if (first <= 0x9f) skipMany(cursor, first & 0x0f, false, depth);
  else if (first <= 0xbf) skipBytes(cursor, first & 0x1f);
  else if (first === 0xdc) skipMany(cursor, take(cursor, 2), false, depth);
  else if (first === 0xdd) skipMany(cursor, take(cursor, 4), false, depth);
  else if (first === 0xde) skipMany(cursor, take(cursor, 2), true, depth);
  else if (first === 0xdf) skipMany(cursor, take(cursor, 4), true, depth);
  else if (lengthBytes.has(first)) skipBytes(cursor, take(cursor, lengthBytes.get(first)!));
  else if (fixedBytes.has(first)) skipBytes(cursor, fixedBytes.get(first)!);
  else throw malformed(cursor, `a value of type ${first.toString(16)}, which is not used here`);
}

function skipMany(cursor: Cursor, count: number, map: boolean, depth: number): void {
  if (depth >= WIRE_DEPTH_MAX) throw malformed(cursor, 'nested too deep');
  for (let i = 0; i < count; i++) {
    if (map) skipKey(cursor);
    skipValue(cursor, depth + 1);
  }
}

function skipKey(cursor: Cursor): void {
  const first = take(cursor, 1);
  if (first >= 0xa0 && first <= 0xbf) skipBytes(cursor, first & 0x1f);
  else if (first === 0xd9) skipBytes(cursor, take(cursor, 1));
  else throw malformed(cursor, 'a map key that is no short string');
}

/** A big-endian number of `length` bytes, behind which the cursor then stands. */
function take(cursor: Cursor, length: number): number {
  const from = cursor.position;
  skipBytes(cursor, length);
  let value = 0;
  for (let i = from; i < cursor.position; i++) value = value * 256 + cursor.bytes[i]!;
  return value;
}

function skipBytes(cursor: Cursor, length: number): void {
  if (cursor.bytes.length - cursor.position < length) throw malformed(cursor, 'the message is cut');
  cursor.position += length;
}

function malformed(cursor: Cursor, what: string): FaregateError {
  return new FaregateError('UPLOAD_MALFORMED', `message: ${what}, at byte ${cursor.position}`);
}
