/**
 * Issuers' keys out of their certificates (EMV 4.3 Book 2, 5.3), recovered once and kept: one
 * issuer's cards all bring the same certificate. Bounded; the oldest goes. What changes with the
 * day, expiry and revocation, is asked of every card.
 *
 * What a key is kept under is all that it was recovered from, so that it can be again:
 *
 *     RID 5 ‖ CA index (8F) 1 ‖ length of 90 1 ‖ length of 9F32 1 ‖ 90 ‖ 9F32 ‖ 92
 */

import { ISSUER_KEYS_KEPT } from '../../../card-limits.ts';
import type { RsaKey } from '../../../crypto/rsa.ts';
import type { Sm2Key } from '../../../crypto/sm2/signature.ts';
import type { Elements } from '../elements.ts';
import type { EcashReason } from '../reasons.ts';
import { tag } from '../tags.ts';
import type { CaKey, CaKeys } from './ca-keys.ts';
import { certifiedKey, hasPassed, isIssuerOf, lastMonth } from './certificate.ts';
import { recoverSigned } from './recovery.ts';
import { readSm2Certificate } from './sm2-certificate.ts';

/** A key by its algorithm. */
export type ChainKey =
  | { readonly algorithm: 'rsa'; readonly key: RsaKey }
  | { readonly algorithm: 'sm2'; readonly key: Sm2Key };

interface Issuer {
  readonly signer: ChainKey;
  /** 4 bytes. */
  readonly identifier: Uint8Array;
  /** YYYYMM. */
  readonly lastMonth: number;
  /** 3 bytes. */
  readonly serial: Uint8Array;
}

/** An issuer's certificate as a card brings it. */
interface Parts {
  /** 90. */
  readonly certificate: Uint8Array;
  /** 9F32, or nothing. */
  readonly exponent: Uint8Array;
  /** 92, or nothing. */
  readonly remainder: Uint8Array;
}

const nothing = new Uint8Array(0);
const RID_BYTES = 5;
const HEAD_BYTES = RID_BYTES + 3;

export class Issuers {
  readonly #caKeys: CaKeys;
  readonly #kept = new Map<string, Issuer>();
  #recovered = 0;

  constructor(caKeys: CaKeys) {
    this.#caKeys = caKeys;
  }

  /** Certificates that keys were recovered from so far. */
  get recovered(): number {
    return this.#recovered;
  }

  /**
   * What the keys kept were recovered from, the oldest first, for `recover` of another. Public:
   * cards show it to every terminal.
   */
  certificates(): Uint8Array[] {
    return [...this.#kept.keys()].map((name) => new Uint8Array(Buffer.from(name, 'latin1')));
  }

  /**
   * Recovers an issuer's key before its first card comes; 30 us with RSA, 2 ms with SM2. Whether
   * the key may be used is asked then.
   * @param bytes one of `certificates`; of anything else nothing is kept
   * @returns whether the key is kept now
   */
  recover(bytes: Uint8Array): boolean {
    if (bytes.length < HEAD_BYTES) return false;
    const rid = bytes.subarray(0, RID_BYTES);
    const [index, length, exponentLength] = bytes.subarray(RID_BYTES, HEAD_BYTES);
    const ca = this.#caKeys.find(rid, index!);
    const exponentAt = HEAD_BYTES + length!;
    const remainderAt = exponentAt + exponentLength!;
    if (ca === undefined || bytes.length < remainderAt) return false;
    const issuer = this.#issuerOf(rid, index!, ca, {
      certificate: bytes.subarray(HEAD_BYTES, exponentAt),
      exponent: bytes.subarray(exponentAt, remainderAt),
      remainder: bytes.subarray(remainderAt),
    });
    return typeof issuer !== 'string';
  }

  /**
   * The key of the issuer whose certificate a card brought in 8F, 90, 92 and 9F32.
   * @param rid 5 bytes
   * @param pan the card's number, which must be the issuer's
   * @param day YYYYMMDD
   */
  keyOf(rid: Uint8Array, elements: Elements, pan: string, day: number): ChainKey | EcashReason {
    const indexBytes = elements.get(tag.caIndex);
    if (indexBytes?.length !== 1) return 'caKeyMissing';
    const index = indexBytes[0]!;
    const ca = this.#caKeys.find(rid, index);
    if (ca === undefined) return 'caKeyUnknown';
    if (ca.lastDay !== null && day > ca.lastDay) return 'caKeyExpired';
    const certificate = elements.get(tag.issuerCertificate);
    if (certificate === undefined) return 'issuerCertificateMissing';
    const issuer = this.#issuerOf(rid, index, ca, {
      certificate,
      exponent: elements.get(tag.issuerExponent) ?? nothing,
      remainder: elements.get(tag.issuerRemainder) ?? nothing,
    });
    if (typeof issuer === 'string') return issuer;
    if (!isIssuerOf(issuer.identifier, pan)) return 'issuerCertificateIdentifier';
    if (hasPassed(issuer.lastMonth, day)) return 'issuerCertificateExpired';
    if (this.#caKeys.isRevoked(rid, index, issuer.serial)) return 'issuerCertificateRevoked';
    return issuer.signer;
  }

  #issuerOf(
    rid: Uint8Array,
    index: number,
    ca: CaKey,
    { certificate, ...more }: Parts,
  ): Issuer | EcashReason {
    // An SM2 certificate is whole: no other name for it, whatever else a card sends.
    const { exponent, remainder } =
      ca.algorithm === 'rsa' ? more : { exponent: nothing, remainder: nothing };
    // Lengths too, so that no other division of the same bytes has the same name.
    const head = Uint8Array.of(...rid, index, certificate.length, exponent.length);
    const name = Buffer.concat([head, certificate, exponent, remainder]).toString('latin1');
    const known = this.#kept.get(name);
    if (known) return known;
    const issuer =
      ca.algorithm === 'rsa'
        ? recoverIssuer(ca.key, certificate, remainder, exponent)
        : readIssuer(ca.key, certificate);
    // Forged certificates are not kept: they would drive out real ones.
    if (typeof issuer === 'string') return issuer;
    this.#recovered += 1;
    if (this.#kept.size === ISSUER_KEYS_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(name, issuer);
    return issuer;
  }
}

/**
 * 6A ‖ 02 ‖ issuer(4) ‖ MMYY(2) ‖ serial(3) ‖ hash algorithm ‖ key algorithm ‖ modulus length ‖
 * exponent length ‖ modulus or its left digits ‖ hash ‖ BC.
 */
function recoverIssuer(
  ca: RsaKey,
  certificate: Uint8Array,
  remainder: Uint8Array,
  exponent: Uint8Array,
): Issuer | EcashReason {
  const more = [remainder, exponent];
  const recovered = recoverSigned('issuerCertificate', ca, certificate, [0x02], 11, more);
  if (typeof recovered === 'string') return recovered;
  const key = certifiedKey('issuerCertificate', { recovered, at: 12, remainder, exponent });
  if (typeof key === 'string') return key;
  return {
    signer: { algorithm: 'rsa', key },
    identifier: recovered.slice(2, 6),
    lastMonth: lastMonth(recovered.subarray(6, 8)),
    serial: recovered.slice(8, 11),
  };
}

function readIssuer(ca: Sm2Key, certificate: Uint8Array): Issuer | EcashReason {
  const read = readSm2Certificate('issuerCertificate', ca, certificate, nothing);
  if (typeof read === 'string') return read;
  return {
    signer: { algorithm: 'sm2', key: read.key },
    identifier: read.subject,
    lastMonth: lastMonth(read.expiry),
    serial: read.serial,
  };
}
