/** E-cash cards for tests, a gate that takes them, and a driver between the two. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { Dialogue } from '../../engine/card/dialogue.ts';
import type { AuthenticationPolicy } from '../../engine/card/qpboc/oda/authenticate.ts';
import { CaKeys } from '../../engine/card/qpboc/oda/ca-keys.ts';
import { Issuers } from '../../engine/card/qpboc/oda/issuers.ts';
import {
  type EcashPurchase,
  type EcashTerminal,
  OptionsForms,
} from '../../engine/card/qpboc/terminal.ts';
import {
  type EcashResult,
  type EcashTransaction,
  purchaseEcash,
} from '../../engine/card/qpboc/transaction.ts';
import { EcashCard, type EcashState } from '../../gate/reader/virtual/ecash-card.ts';
import {
  numberOf,
  type RsaSigner,
  rsaSigner,
  type Sm2Signer,
  sm2Signer,
} from '../../gate/reader/virtual/ecash-crypto.ts';
import {
  type ChainDetails,
  type EcashChain,
  issueRsaChain,
  issueSm2Chain,
} from '../../gate/reader/virtual/ecash-issuing.ts';
import type { EcashPersonality, EcashQuirks } from '../../gate/reader/virtual/ecash-personality.ts';
import { testCaKeys, testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { drive } from '../transcripts/replay.ts';

export const accepted: readonly Uint8Array[] = [fromHex('A000000333010101')];
/** A day on which the published test card is valid: its SM2 certificates expired in 2020. */
export const TODAY = 2020_11_30;
export const lenient: AuthenticationPolicy = { fddaV00: true, staticData: true };

export const terminal: EcashTerminal = {
  qualifiers: fromHex('28000080'),
  country: 156,
  currency: 156,
  transactionType: 0,
  sm2: false,
};

export function purchaseOf(amountMinor: number): EcashPurchase {
  return {
    amountMinor,
    unpredictableNumber: fromHex('2B29EBE4'),
    date: fromHex('261130'),
    time: fromHex('081500'),
  };
}

export function formsOf(changes: Partial<EcashTerminal> = {}): OptionsForms {
  return new OptionsForms({ ...terminal, ...changes });
}

export function testIssuers(): Issuers {
  return new Issuers(CaKeys.parse(JSON.stringify(testCaKeys), 'test CA keys'));
}

export interface EcashSetUp {
  readonly personality?: Partial<EcashPersonality>;
  readonly state?: Partial<EcashState>;
  readonly quirks?: Partial<EcashQuirks>;
  readonly commit?: (state: EcashState) => void;
}

/** The published test card with 100.00 on it; its random is a counter. */
export function ecashCard(setUp: EcashSetUp = {}): EcashCard {
  let count = 0;
  return new EcashCard({
    personality: { ...testCard, ...setUp.personality },
    state: { balanceMinor: 10_000, atc: 0x20a, ...setUp.state },
    quirks: setUp.quirks ?? {},
    commit: setUp.commit ?? (() => {}),
    randomBytes: (length) => new Uint8Array(length).fill(++count),
  });
}

/** Drives a dialogue with whatever answers commands; null is a card that has gone. */
export function driveWith<R>(
  dialogue: Dialogue<R>,
  transmit: (apdu: Uint8Array) => Uint8Array | null,
): R {
  return drive(dialogue, (ask) => {
    assert(ask.ask === 'card');
    return transmit(ask.apdu);
  });
}

export function buy(
  card: EcashCard,
  amountMinor: number,
  changes: Partial<EcashTerminal> = {},
): EcashResult {
  card.power();
  const dialogue = purchaseEcash(accepted, formsOf(changes), purchaseOf(amountMinor));
  return driveWith(dialogue, (apdu) => card.transmit(apdu));
}

export function approvedBy(result: EcashResult): EcashTransaction {
  assert(result.result === 'approved', JSON.stringify(result));
  return result.transaction;
}

/** A key pair of our own, by node:crypto. */
function ownRsa(bits: number, exponent: 3 | 65537): RsaSigner {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicExponent: exponent,
  });
  const jwk = privateKey.export({ format: 'jwk' });
  const part = (text: string | undefined) => new Uint8Array(Buffer.from(text ?? '', 'base64url'));
  const signer = rsaSigner(part(jwk.p), part(jwk.q), fromHex(exponent === 3 ? '03' : '010001'));
  assert.equal(numberOf(signer.modulus), numberOf(part(jwk.n)));
  return signer;
}

/** A line of a file of CA keys. */
export function caKeyOf(ca: RsaSigner | Sm2Signer, index: string): object {
  const rid = 'A000000333';
  if (ca.kind === 'sm2') return { rid, index, sm2: toHex(ca.publicKey) };
  const [modulus, exponent] = [toHex(ca.modulus), toHex(ca.exponent)];
  const hashed = fromHex(`${rid}${index}${modulus}${exponent}`);
  const sha1 = createHash('sha1').update(hashed).digest('hex');
  return { rid, index, modulus, exponent, sha1 };
}

const details: ChainDetails = {
  caIndex: 0x01,
  issuerIdentifier: fromHex('622800FF'),
  issuerExpiry: fromHex('1230'),
  cardExpiry: fromHex('1130'),
  issuerSerial: fromHex('001156'),
  cardSerial: fromHex('000001'),
  pan: fromHex('6228000100001117FFFF'),
  staticData: Buffer.concat([testCard.holderRecord, testCard.aip]),
  coversRecord: true,
  coversAip: true,
};

/** Keys of our own, made once: CA 1408 bits, issuer and card 1152; and the same of SM2. */
export function ownKeys() {
  return {
    rsa: { ca: ownRsa(1408, 3), issuer: ownRsa(1152, 65537), card: ownRsa(1152, 3) },
    sm2: {
      ca: sm2Signer(new Uint8Array(32).fill(0x11)),
      issuer: sm2Signer(new Uint8Array(32).fill(0x22)),
      card: sm2Signer(new Uint8Array(32).fill(0x33)),
    },
  };
}

export type OwnKeys = ReturnType<typeof ownKeys>;

/** A chain of our own keys, CA index 01, that covers record and AIP. */
export function ownChain(
  keys: OwnKeys,
  algorithm: 'rsa' | 'sm2',
  changes: Partial<ChainDetails> = {},
): EcashChain {
  const all = { ...details, ...changes };
  if (algorithm === 'sm2') {
    const { ca, issuer, card } = keys.sm2;
    return issueSm2Chain(ca, issuer, card, all);
  }
  const { ca, issuer, card } = keys.rsa;
  return issueRsaChain(ca, issuer, card, all);
}

/** Issuers under CA index 01 of our own. @param more further members of the file */
export function ownIssuers(
  keys: OwnKeys,
  algorithm: 'rsa' | 'sm2',
  more: { readonly revoked?: readonly object[]; readonly lastDay?: string } = {},
): Issuers {
  const { lastDay, ...rest } = more;
  const key = { ...caKeyOf(keys[algorithm].ca, '01'), ...(lastDay ? { lastDay } : {}) };
  return new Issuers(CaKeys.parse(JSON.stringify({ keys: [key], ...rest }), 'our own CA'));
}
