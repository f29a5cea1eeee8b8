/**
 * The demo's banks: the keys of two CAs (RSA and SM2), of the banks that they certify and of the
 * cards that those issue, made at random for each run and kept in one file; and the file of CA
 * keys that gates are given. A few card keys are shared by many cards, each with certificates of
 * its own.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '../../engine/bytes.ts';
import {
  type RsaSigner,
  rsaSigner,
  type Sm2Signer,
  sm2Signer,
} from '../reader/virtual/ecash-crypto.ts';

const RID = 'A000000333';
const CA_BITS = 1408;
const KEY_BITS = 1152;
/** Card keys of each kind. */
const CARD_KEYS = 3;
/** Exponent 65537 for banks, 3 for the others, so that gates see both. */
const LARGE_EXPONENT = '010001';
const SMALL_EXPONENT = '03';

/** Index of the CA's key of each kind. */
export const CA_INDEX = { rsa: 0x01, sm2: 0x02 } as const;

interface ClearRsa {
  readonly p: string;
  readonly q: string;
  readonly exponent: string;
}

interface ClearBanks {
  readonly rsa: {
    readonly ca: ClearRsa;
    readonly issuer: ClearRsa;
    readonly cards: readonly ClearRsa[];
  };
  readonly sm2: {
    readonly ca: string;
    readonly issuer: string;
    readonly cards: readonly string[];
  };
}

/** One kind's keys, from the CA down. */
interface Signers<S> {
  readonly ca: S;
  readonly issuer: S;
  readonly cards: readonly S[];
}

export interface BankKeys {
  readonly rsa: Signers<RsaSigner>;
  readonly sm2: Signers<Sm2Signer>;
}

/** The clear keys of a new run. */
export function makeBankKeys(): string {
  const sm2 = () => toHex(new Uint8Array(randomBytes(32)));
  const clear: ClearBanks = {
    rsa: {
      ca: newRsa(CA_BITS, SMALL_EXPONENT),
      issuer: newRsa(KEY_BITS, LARGE_EXPONENT),
      cards: Array.from({ length: CARD_KEYS }, () => newRsa(KEY_BITS, SMALL_EXPONENT)),
    },
    sm2: { ca: sm2(), issuer: sm2(), cards: Array.from({ length: CARD_KEYS }, sm2) },
  };
  return `${JSON.stringify(clear, null, 2)}\n`;
}

function newRsa(bits: number, exponent: string): ClearRsa {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicExponent: Number.parseInt(exponent, 16),
  });
  const { p, q } = privateKey.export({ format: 'jwk' });
  const hex = (text: string | undefined) =>
    toHex(new Uint8Array(Buffer.from(text ?? '', 'base64url')));
  return { p: hex(p), q: hex(q), exponent };
}

export function readBankKeys(path: string): BankKeys {
  const clear = JSON.parse(readFileSync(path, 'utf8')) as ClearBanks;
  const rsa = ({ p, q, exponent }: ClearRsa) =>
    rsaSigner(fromHex(p), fromHex(q), fromHex(exponent));
  const sm2 = (d: string) => sm2Signer(fromHex(d));
  return {
    rsa: {
      ca: rsa(clear.rsa.ca),
      issuer: rsa(clear.rsa.issuer),
      cards: clear.rsa.cards.map(rsa),
    },
    sm2: {
      ca: sm2(clear.sm2.ca),
      issuer: sm2(clear.sm2.issuer),
      cards: clear.sm2.cards.map(sm2),
    },
  };
}

/** The public keys of the CAs, as gates' files have them. */
export function caKeysOf({ rsa, sm2 }: BankKeys): string {
  const indexOf = (kind: keyof typeof CA_INDEX) =>
    CA_INDEX[kind].toString(16).padStart(2, '0').toUpperCase();
  const [modulus, exponent] = [toHex(rsa.ca.modulus), toHex(rsa.ca.exponent)];
  const hashed = fromHex(`${RID}${indexOf('rsa')}${modulus}${exponent}`);
  const sha1 = createHash('sha1').update(hashed).digest('hex');
  const keys = [
    { rid: RID, index: indexOf('rsa'), modulus, exponent, sha1 },
    { rid: RID, index: indexOf('sm2'), sm2: toHex(sm2.ca.publicKey) },
  ];
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}
