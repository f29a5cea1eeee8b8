/**
 * What bears out a bank card's debit, or its tap where the fare is charged later, as the payload of
 * an evidence event. What the debit record itself has is not said again: the amount (9F02), the
 * currency (5F2A), date and time (9A, 9F21), the counter (9F36 in `offlineCounter`) and the card's
 * number and sequence. Both are sealed wherever they lie. `docs/wire.md` has the layout. A hold
 * takes nothing, so that its amount (9F02) is here.
 */
import { copyBytes } from '../../bytes.ts';
import { HOLD_SERVICE, type Hold, readHold, writeHold } from '../../debit/hold.ts';
import type { Debit } from '../../debit/record.ts';
import { invariant } from '../../invariant.ts';
import { take } from '../apdu.ts';
import { type CardNumber, cardOfNumber } from './card-data.ts';
import { writeBcd } from './elements.ts';
import type { EcashEvidence } from './evidence.ts';
import type { Authentication } from './oda/authenticate.ts';

const PAYLOAD_BYTES = 109;
const AID_BYTES_MAX = 16;
const IAD_BYTES_MAX = 32;

/** Offsets in the payload. */
const at = {
  /** 9F27; 00 with a cryptogram of zeros: the card proved nothing. */
  information: 0,
  cryptogram: 1,
  unpredictableNumber: 9,
  aip: 13,
  verificationResults: 15,
  transactionType: 20,
  country: 21,
  terminalQualifiers: 23,
  amountOther: 27,
  expiry: 33,
  availableBalance: 36,
  aidLength: 42,
  aid: 43,
  iadLength: 59,
  iad: 60,
  method: 92,
  algorithm: 93,
  application: 94,
} as const;

/** How a card was authenticated, by the byte that says so. */
const methods = ['none', 'fddaV00', 'fddaV01', 'static', 'kernel'] as const;
const algorithms = ['none', 'rsa', 'sm2'] as const;

/** How the gate knew the card for genuine; `kernel`: a certified kernel said so. */
export interface Authenticated {
  readonly method: (typeof methods)[number];
  readonly algorithm: (typeof algorithms)[number];
}

export const NOT_AUTHENTICATED: Authenticated = { method: 'none', algorithm: 'none' };

export function authenticatedBy(authentication: Authentication): Authenticated {
  return 'failed' in authentication ? NOT_AUTHENTICATED : authentication;
}

export interface BankProof {
  readonly evidence: EcashEvidence;
  readonly authenticated: Authenticated;
  /** DF60 as the gate said it: 00 plain, 01 segmented fare, 02 and 03 pre-authorisation. */
  readonly application: number;
  /** Of a pre-authorisation or its completion. */
  readonly hold?: Hold;
}

/** The payload of a card that proved nothing, 109 bytes. */
export function emptyBankPayload(): Uint8Array {
  return new Uint8Array(PAYLOAD_BYTES);
}

/** @returns 109 bytes */
export function bankPayload(proof: BankProof): Uint8Array {
  const { evidence, authenticated, application, hold } = proof;
  const { aid, iad, expiry, availableBalance } = evidence;
  invariant(aid.length <= AID_BYTES_MAX, 'a name of at most 16 bytes');
  invariant(iad.length <= IAD_BYTES_MAX, 'issuer data of at most 32 bytes');
  const out = emptyBankPayload();
  const put = (bytes: Uint8Array, offset: number) => copyBytes(bytes, 0, out, offset, bytes.length);
  out[at.information] = evidence.cryptogramInformation;
  put(evidence.cryptogram, at.cryptogram);
  put(evidence.unpredictableNumber, at.unpredictableNumber);
  put(evidence.aip, at.aip);
  put(evidence.verificationResults, at.verificationResults);
  out[at.transactionType] = evidence.transactionType;
  put(evidence.country, at.country);
  put(evidence.terminalQualifiers, at.terminalQualifiers);
  put(evidence.amountOther, at.amountOther);
  if (expiry) put(expiry, at.expiry);
  if (availableBalance) put(availableBalance, at.availableBalance);
  else out.fill(0xff, at.availableBalance, at.aidLength);
  out[at.aidLength] = aid.length;
  put(aid, at.aid);
  out[at.iadLength] = iad.length;
  put(iad, at.iad);
  out[at.method] = methods.indexOf(authenticated.method);
  out[at.algorithm] = algorithms.indexOf(authenticated.algorithm);
  out[at.application] = application;
  if (hold) writeHold(out, hold);
  return out;
}

/** What the evidence takes from the debit record. */
export type BankDebit = Pick<
  Debit,
  'cardNumber' | 'offlineCounter' | 'amountMinor' | 'currency' | 'dateTime'
>;

/**
 * The proof behind a debit, made whole again; null where the card proved nothing or the bytes are
 * not ours.
 */
export function readBankPayload(payload: Uint8Array, debit: BankDebit): BankProof | null {
  const card: CardNumber | null = cardOfNumber(debit.cardNumber);
  const aidLength = payload[at.aidLength]!;
  const iadLength = payload[at.iadLength]!;
  const method = methods[payload[at.method]!];
  const algorithm = algorithms[payload[at.algorithm]!];
  const isOurs = aidLength >= 5 && aidLength <= AID_BYTES_MAX && iadLength <= IAD_BYTES_MAX;
  if (card === null || !isOurs || iadLength < 7 || !method || !algorithm) return null;
  const expiry = take(payload, at.expiry, 3);
  const balance = take(payload, at.availableBalance, 6);
  const application = payload[at.application]!;
  const hold = readHold(payload);
  const isHold = hold !== null && application === HOLD_SERVICE;
  const evidence: EcashEvidence = {
    card,
    aid: take(payload, at.aid, aidLength),
    cryptogram: take(payload, at.cryptogram, 8),
    cryptogramInformation: payload[at.information]!,
    atc: debit.offlineCounter,
    iad: take(payload, at.iad, iadLength),
    aip: take(payload, at.aip, 2),
    amount: bcd(isHold ? hold.heldMinor : debit.amountMinor, 6),
    amountOther: take(payload, at.amountOther, 6),
    country: take(payload, at.country, 2),
    currency: bcd(debit.currency, 2),
    verificationResults: take(payload, at.verificationResults, 5),
    date: debit.dateTime.subarray(1, 4),
    time: debit.dateTime.subarray(4, 7),
    transactionType: payload[at.transactionType]!,
    unpredictableNumber: take(payload, at.unpredictableNumber, 4),
    terminalQualifiers: take(payload, at.terminalQualifiers, 4),
    expiry: expiry.every((byte) => byte === 0) ? null : expiry,
    availableBalance: balance[0] === 0xff ? null : balance,
  };
  const proof = { evidence, authenticated: { method, algorithm }, application };
  return hold ? { ...proof, hold } : proof;
}

function bcd(value: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  writeBcd(value, out);
  return out;
}
