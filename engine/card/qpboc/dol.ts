/** Data object lists (EMV 4.3 Book 3, 5.4): tags and lengths of what a card wants to be told. */
import { DOL_BYTES_MAX, DOL_ELEMENTS_MAX } from '../../card-limits.ts';

/** EMV tags take at most three bytes; a fourth still fits a number. */
const TAG_BYTES_MAX = 4;

export interface DolElement {
  readonly tag: number;
  /** Bytes the card wants of it. */
  readonly length: number;
}

/**
 * Parses a list; null where it is malformed, has more than `DOL_ELEMENTS_MAX` elements or asks for
 * more than `DOL_BYTES_MAX` bytes.
 */
export function parseDol(bytes: Uint8Array): readonly DolElement[] | null {
  const elements: DolElement[] = [];
  let total = 0;
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    let tag = bytes[at++]!;
    if ((tag & 0x1f) === 0x1f) {
      let byte: number;
      do {
        if (at === bytes.length || at - start === TAG_BYTES_MAX) return null;
        byte = bytes[at++]!;
        tag = tag * 256 + byte;
      } while ((byte & 0x80) !== 0);
    }
    if (at === bytes.length) return null;
    const length = bytes[at++]!;
    total += length;
    if (total > DOL_BYTES_MAX || elements.length === DOL_ELEMENTS_MAX) return null;
    elements.push({ tag, length });
  }
  return elements;
}

/**
 * Puts a value where a list wants `length` bytes of it: numeric data is cut off and filled with
 * zeros on the left, other data on the right.
 */
export function fitElement(
  value: Uint8Array,
  isNumeric: boolean,
  to: Uint8Array,
  at: number,
  length: number,
): void {
  const shift = isNumeric ? value.length - length : 0;
  for (let i = 0; i < length; i++) to[at + i] = value[i + shift] ?? 0;
}
