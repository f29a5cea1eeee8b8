/**
 * What issuer and card certificates have in common, RSA or SM2 (EMV 4.3 Book 2, tables 6 and 13;
 * PBOC 3.0): last month, issuer identifier, card number, and the key an RSA one holds in two parts.
 */
import { toHex } from '../../../bytes.ts';
import { isExponent, type RsaKey, rsaKey } from '../../../crypto/rsa.ts';
import { bcdNumber } from '../elements.ts';
import type { CertificateStage, EcashReason } from '../reasons.ts';

/** The month that MMYY names as YYYYMM; 0, which has always passed, where it names none. */
export function lastMonth(mmyy: Uint8Array): number {
  const value = bcdNumber(mmyy);
  if (value === null) return 0;
  const month = Math.floor(value / 100);
  const year = value % 100;
  if (month < 1 || month > 12) return 0;
  return (year < 50 ? 2000 + year : 1900 + year) * 100 + month;
}

/** Whether a certificate of that last month is past on a day, YYYYMMDD. */
export function hasPassed(month: number, day: number): boolean {
  return Math.floor(day / 100) > month;
}

/** Whether an issuer identifier (4 bytes, filled up with F) is the beginning of a card number. */
export function isIssuerOf(identifier: Uint8Array, pan: string): boolean {
  const digits = /^(\d{3,8})F*$/.exec(toHex(identifier))?.[1];
  return digits !== undefined && pan.startsWith(digits);
}

/** Whether a certificate's card number (10 bytes, filled up with F) is this one. */
export function isPan(certified: Uint8Array, pan: string): boolean {
  return toHex(certified) === pan.padEnd(20, 'F');
}

/** Content of an RSA certificate from its key algorithm on. */
interface KeyParts {
  /** All recovered bytes. */
  readonly recovered: Uint8Array;
  /** Where the key algorithm stands: algorithm ‖ modulus length ‖ exponent length ‖ left digits. */
  readonly at: number;
  readonly remainder: Uint8Array;
  readonly exponent: Uint8Array;
}

/** The key of an RSA certificate whose hash was right, or why it has none. */
export function certifiedKey(stage: CertificateStage, parts: KeyParts): RsaKey | EcashReason {
  const { recovered, at, remainder, exponent } = parts;
  if (recovered[at] !== 1) return `${stage}Algorithm`;
  const modulusBytes = recovered[at + 1]!;
  if (recovered[at + 2] !== exponent.length || !isExponent(exponent)) return `${stage}Exponent`;
  const left = recovered.subarray(at + 3, recovered.length - 21);
  if (remainder.length !== Math.max(0, modulusBytes - left.length)) return `${stage}KeyLength`;
  const modulus = Buffer.concat([left, remainder]).subarray(0, modulusBytes);
  return rsaKey(modulus, exponent) ?? `${stage}Key`;
}
