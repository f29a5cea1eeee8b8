/**
 * Money as decimal text and as minor units. Digits are moved, never multiplied as floats, so that
 * 10.60 HKD is 1060 and nothing near it.
 */
import { FARE_AMOUNT_MINOR_MAX } from '../limits.ts';

/** Why a text is no amount of a fare table; completes the sentence `"..." ...`. */
export type AmountFault =
  | 'is not a decimal number'
  | 'is negative'
  | 'has more decimals than the currency'
  | 'is too large';

const ZERO = 0x30;
const POINT = 0x2e;

/**
 * Minor units of a plain decimal (`12`, `12.5`, `12.50`), or why it is none. Zeros beyond the
 * currency's decimals lose nothing and are accepted; signs, exponents and separators are not.
 */
export function parseAmount(text: string, decimals: number): number | AmountFault {
  if (text.charCodeAt(0) === 0x2d) return 'is negative';
  let minor = 0;
  let digits = 0;
  let after = -1;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    const digit = char - ZERO;
    if (char === POINT && after < 0 && digits > 0) {
      after = 0;
      continue;
    }
    if (!(digit >= 0 && digit <= 9)) return 'is not a decimal number';
    digits++;
    if (after >= 0 && ++after > decimals) {
      if (digit !== 0) return 'has more decimals than the currency';
      continue;
    }
    minor = minor * 10 + digit;
    if (minor > FARE_AMOUNT_MINOR_MAX) return 'is too large';
  }
  if (digits === 0 || after === 0) return 'is not a decimal number';
  for (let i = Math.max(after, 0); i < decimals; i++) minor *= 10;
  return minor <= FARE_AMOUNT_MINOR_MAX ? minor : 'is too large';
}

/** Minor units as decimal text with all the currency's decimals: 1060 -> `10.60`. */
export function formatMinor(minor: number, decimals: number): string {
  const digits = String(Math.abs(minor)).padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  const fraction = decimals === 0 ? '' : `.${digits.slice(point)}`;
  return `${minor < 0 ? '-' : ''}${digits.slice(0, point)}${fraction}`;
}
