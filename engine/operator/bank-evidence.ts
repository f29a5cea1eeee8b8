/**
 * Verdicts on debits of bank cards, from the evidence event behind each: the card's cryptogram and
 * what it was computed over (docs/ecash.md). Amount, currency, date, counter and card number are
 * the debit record's own (`evidence-payload.ts`), so that a record that says otherwise than the
 * card was told makes another cryptogram. That shows where the issuer's key is held; where it is
 * not, the bank verifies it in clearing, and the gate's word that the card is genuine stands.
 *
 * An unconfirmed debit has the cryptogram that came before the card left. One that does not verify
 * is no card's. One that does is no proof of a debit: the card gives it first, and takes the money
 * with its last record.
 */
import { verifyCryptogram } from '../card/qpboc/cryptogram.ts';
import { dateNumber } from '../card/qpboc/elements.ts';
import { type BankProof, readBankPayload } from '../card/qpboc/evidence-payload.ts';
import type { CryptogramKeyring } from '../crypto/cryptogram-keyring.ts';
import { at, decodeDebit } from '../debit/codec.ts';
import {
  EVIDENCE_BYTES,
  EventCode,
  EvidenceFamily,
  eventAt,
  evidenceFamilyOf,
  isEvent,
  wantsEvidence,
} from '../debit/event.ts';
import { HOLD_SERVICE } from '../debit/hold.ts';
import { DEBIT_BYTES, type Debit, DebitState, ECASH_TRANSACTION } from '../debit/record.ts';
import { type TacVerdict, tacCodes } from '../ledger/received.ts';

/** 9C of goods and services: all a gate sells. */
const PURCHASE = 0x00;
/** 9F27, bits 8 and 7. */
const INFORMATION_BITS = 0xc0;
const TC = 0x40;
const ARQC = 0x80;
/** The same in CVR byte 2: bits 6 and 5. */
const DECISION_AT = 4;
const DECISION_BITS = 0x30;
const decisionOf: Readonly<Record<number, number>> = { [TC]: 0x10, [ARQC]: 0x20 };
/** DKI in 9F10. */
const KEY_INDEX_AT = 1;
/** Length of the AID in the payload; 0: the card proved nothing. */
const AID_LENGTH_AT = 42;
/** Three digits (ISO 4217), of which 5F2A has room for four. */
const CURRENCY_MAX = 999;
/** 9A has the two digits after it. */
const CENTURY = 0x20;

export class BankVerifier {
  readonly #keys: CryptogramKeyring;

  constructor(keys: CryptogramKeyring) {
    this.#keys = keys;
  }

  /**
   * Overwrites the verdicts of such debits among `count` records; the others keep theirs.
   * @param records `count` times 160 bytes.
   */
  verify(records: Uint8Array, count: number, verdicts: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      const from = i * DEBIT_BYTES;
      const family = evidenceFamilyOf(records[from + at.transactionType]!);
      if (family !== EvidenceFamily.bank || isEvent(records, from)) continue;
      verdicts[i] = tacCodes.indexOf(this.#verdict(records, from, i + 1 < count));
    }
  }

  #verdict(records: Uint8Array, from: number, hasNext: boolean): TacVerdict {
    const behind = from + DEBIT_BYTES;
    const isTorn = records[from + at.state] === DebitState.unconfirmed;
    const missing = isTorn ? 'none' : 'noEvidence';
    // A settlement of this family only vouches; it has nothing to verify.
    if (!wantsEvidence(records, from) || !hasNext || !isBankEvidence(records, behind)) {
      return missing;
    }
    const payload = payloadAt(records, behind);
    if (payload[AID_LENGTH_AT] === 0) return missing;
    const debit = decodeDebit(records, from);
    const proof = readBankPayload(payload, debit);
    if (!proof || contradicts(proof, debit)) return 'invalid';
    // A card makes none for a hold, which takes nothing.
    const { application, evidence } = proof;
    const isBare = application === HOLD_SERVICE && evidence.cryptogram.every((byte) => byte === 0);
    return isBare ? 'passedThrough' : this.#verdictOn(proof);
  }

  /** Of two keys under one name, which differ in their cipher, either may be the card's. */
  #verdictOn({ evidence }: BankProof): TacVerdict {
    const keys = this.#keys.find(evidence.card.pan, evidence.iad[KEY_INDEX_AT]!);
    const found = keys.map(({ algorithm, master }) =>
      verifyCryptogram(evidence, algorithm, master),
    );
    if (found.includes('valid')) return 'valid';
    return found.includes('invalid') ? 'invalid' : 'passedThrough';
  }
}

/** Whether the record at `records[from]` is an evidence event of a bank card. */
function isBankEvidence(records: Uint8Array, from: number): boolean {
  return (
    isEvent(records, from) &&
    records[from + eventAt.event] === EventCode.evidence &&
    records[from + eventAt.family] === EvidenceFamily.bank
  );
}

function payloadAt(records: Uint8Array, from: number): Uint8Array {
  return records.subarray(from + eventAt.payload, from + eventAt.payload + EVIDENCE_BYTES);
}

/** Whether evidence and debit cannot be of one transaction that a gate may let through. */
function contradicts({ evidence, authenticated, application }: BankProof, debit: Debit): boolean {
  const kind = evidence.cryptogramInformation & INFORMATION_BITS;
  const isEcash = debit.transactionType === ECASH_TRANSACTION;
  const mayBe = kind === TC || (kind === ARQC && !isEcash);
  const decision = evidence.iad[DECISION_AT]! & DECISION_BITS;
  // The signature comes with the last record, if at all.
  const mayBeUnknown = isEcash && debit.state === DebitState.unconfirmed;
  return (
    !mayBe ||
    decision !== decisionOf[kind] ||
    evidence.transactionType !== PURCHASE ||
    (authenticated.method === 'none' && !mayBeUnknown) ||
    ((!isEcash || application === HOLD_SERVICE) && debit.amountMinor !== 0) ||
    debit.currency > CURRENCY_MAX ||
    debit.dateTime[0] !== CENTURY ||
    dateNumber(evidence.date) === null
  );
}
