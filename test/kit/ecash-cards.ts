/** E-cash cards for tests, a gate that takes them, and a driver between the two. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { fromHex } from '../../engine/bytes.ts';
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
import { numberOf, type RsaSigner, rsaSigner } from '../../gate/reader/virtual/ecash-crypto.ts';
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
export function ownRsa(bits: number, exponent: 3 | 65537): RsaSigner {
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
