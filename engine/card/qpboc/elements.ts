/**
 * Data elements as a card gave them: primitive objects of its answers by tag, each once (EMV 4.3
 * Book 3, 7.5: data that comes twice ends the transaction). Bounded; copies, never views.
 */
import { CARD_ELEMENTS_MAX } from '../../card-limits.ts';
import { take } from '../apdu.ts';
import { parseTlv, type TlvObject } from '../tlv.ts';
import type { EcashReason } from './reasons.ts';

/** Tag -> value. */
export type Elements = ReadonlyMap<number, Uint8Array>;

/**
 * Adds the elements of the template `template` that makes up all of `bytes[0, end)`. Null, or why
 * not: `malformed` for bytes that are no such template, `elementTwice`, `elementsTooMany`.
 */
export function addElements(
  elements: Map<number, Uint8Array>,
  bytes: Uint8Array,
  end: number,
  template: number,
  malformed: EcashReason,
): EcashReason | null {
  const objects = templateOf(bytes, end, template);
  if (objects === null) return malformed;
  for (const [i, object] of objects.entries()) {
    const isConstructed = objects[i + 1] !== undefined && objects[i + 1]!.depth > object.depth;
    if (isConstructed) continue;
    if (elements.has(object.tag)) return 'elementTwice';
    if (elements.size === CARD_ELEMENTS_MAX) return 'elementsTooMany';
    elements.set(object.tag, take(bytes, object.at, object.length));
  }
  return null;
}

/** The objects within the one object of this tag at the top; null where there is not just one. */
function templateOf(bytes: Uint8Array, end: number, template: number): readonly TlvObject[] | null {
  const parsed = parseTlv(bytes, 0, end);
  if (!('objects' in parsed)) return null;
  const [first, ...within] = parsed.objects;
  if (first?.tag !== template || within.some(({ depth }) => depth === 0)) return null;
  return within;
}

/** The value of a tag where it has just this many bytes, else null. */
export function elementOf(elements: Elements, tag: number, bytes: number): Uint8Array | null {
  const value = elements.get(tag);
  return value?.length === bytes ? value : null;
}

/** BCD digits as a number, big-endian; null where a nibble is no digit. At most 7 bytes. */
export function bcdNumber(bytes: Uint8Array): number | null {
  let value = 0;
  for (const byte of bytes) {
    const high = byte >> 4;
    const low = byte & 15;
    if (high > 9 || low > 9) return null;
    value = value * 100 + high * 10 + low;
  }
  return value;
}

/** `value` as BCD of `to.length` bytes at most, right-aligned in `to`. */
export function writeBcd(value: number, to: Uint8Array): void {
  let left = value;
  for (let i = to.length - 1; i >= 0; i--) {
    const pair = left % 100;
    to[i] = (Math.floor(pair / 10) << 4) | (pair % 10);
    left = Math.floor(left / 100);
  }
}

/**
 * YYMMDD, three BCD bytes, as the number YYYYMMDD: years 00 to 49 are of this century (EMV 4.3 Book
 * 4, 6.7.3). Null where it is no date.
 */
export function dateNumber(bytes: Uint8Array): number | null {
  const value = bcdNumber(bytes);
  if (value === null || bytes.length !== 3) return null;
  const month = Math.floor(value / 100) % 100;
  const day = value % 100;
  if (month < 1 || month > 12 || day < 1 || day > 31) return null;
  return value + (value < 500_000 ? 20_000_000 : 19_000_000);
}
