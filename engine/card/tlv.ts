/**
 * BER-TLV (ISO 7816-4, 5.2.2): parses a card's data into a flat list of objects in the order of the
 * bytes, each an offset and a length into them; nothing is copied. Depth and count are bounded, and
 * malformed data is a value, because a card may say anything.
 */
import { TLV_DEPTH_MAX, TLV_OBJECTS_MAX } from '../card-limits.ts';

/** EMV tags take at most three bytes; a fourth still fits a number. */
const TAG_BYTES_MAX = 4;
/** Length bytes after 8x; three cover 16 MiB, more than any card's answer. */
const LENGTH_BYTES_MAX = 3;

export interface TlvObject {
  /** All tag bytes as one number: 0x6F, 0x9F0C, 0xDF8129. */
  readonly tag: number;
  /** Where the value begins. */
  readonly at: number;
  /** Bytes of the value. */
  readonly length: number;
  /** 0 at the top; the children of a constructed object follow it with a depth one greater. */
  readonly depth: number;
}

export type TlvParse =
  | { readonly objects: readonly TlvObject[] }
  /** What is wrong, and the offset of the object that is. */
  | { readonly problem: string; readonly at: number };

/** Parses `bytes[from, to)`. Zero bytes between objects are padding (ISO 7816-4, 5.2.2.1). */
export function parseTlv(bytes: Uint8Array, from = 0, to: number = bytes.length): TlvParse {
  const objects: TlvObject[] = [];
  // Ends of the constructed objects we are in, the whole first.
  const ends: number[] = [to];
  let at = from;
  while (ends.length > 0) {
    const end = ends[ends.length - 1]!;
    while (at < end && bytes[at] === 0) at++;
    if (at === end) {
      ends.pop();
      continue;
    }
    const object = readObject(bytes, at, end, ends.length - 1);
    if (typeof object === 'string') return { problem: object, at };
    if (objects.length === TLV_OBJECTS_MAX) {
      return { problem: `more than ${TLV_OBJECTS_MAX} objects`, at };
    }
    objects.push(object);
    if (isConstructed(bytes[at]!)) {
      if (ends.length === TLV_DEPTH_MAX) {
        return { problem: `nested deeper than ${TLV_DEPTH_MAX}`, at };
      }
      ends.push(object.at + object.length);
      at = object.at;
    } else {
      at = object.at + object.length;
    }
  }
  return { objects };
}

/** Bit 6 of the first tag byte: the value is TLV itself. */
function isConstructed(firstTagByte: number): boolean {
  return (firstTagByte & 0x20) !== 0;
}

function readObject(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): TlvObject | string {
  let at = start;
  let tag = bytes[at++]!;
  if ((tag & 0x1f) === 0x1f) {
    let byte: number;
    do {
      if (at === end) return 'cut off in a tag';
      if (at - start === TAG_BYTES_MAX) return `a tag of more than ${TAG_BYTES_MAX} bytes`;
      byte = bytes[at++]!;
      tag = tag * 256 + byte;
    } while ((byte & 0x80) !== 0);
  }
  if (at === end) return 'cut off before a length';
  let length = bytes[at++]!;
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > LENGTH_BYTES_MAX) return `a length of form ${length.toString(16)}`;
    if (at + count > end) return 'cut off in a length';
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[at++]!;
  }
  if (length > end - at) return `a value of ${length} bytes where ${end - at} are left`;
  return { tag, at, length, depth };
}

/** The first object at `path` (tags from the top down), or null. */
export function findTlv(objects: readonly TlvObject[], ...path: number[]): TlvObject | null {
  let depth = 0;
  for (const object of objects) {
    // Left the branch that matched so far: the path may still match in a later sibling.
    if (object.depth < depth) depth = object.depth;
    if (object.depth !== depth || object.tag !== path[depth]) continue;
    if (depth === path.length - 1) return object;
    depth++;
  }
  return null;
}

/** The first object with this tag at any depth, or null. */
export function findTag(objects: readonly TlvObject[], tag: number): TlvObject | null {
  for (const object of objects) if (object.tag === tag) return object;
  return null;
}
