/**
 * Verdicts on debits of AES closed-loop cards, from the evidence event behind each: the written
 * record says what the debit says, and the card's transaction MAC covers both (docs/desfire.md).
 */
import { equalRange, readU32 } from '../bytes.ts';
import {
  type CompiledDesfireProfile,
  cardKeyRef,
  type RecordLayout,
} from '../card/desfire/compile.ts';
import { type DesfireEvidence, debitInput, readEvidencePayload } from '../card/desfire/evidence.ts';
import { TransactionInput } from '../card/desfire/transaction-input.ts';
import { shownBalance } from '../card/journey-form.ts';
import { type Field, type JourneyType, readUint } from '../card/journey-record.ts';
import type { AesKeyring } from '../crypto/aes-keyring.ts';
import { verifyTransactionMac } from '../crypto/desfire/transaction-mac.ts';
import { at } from '../debit/codec.ts';
import {
  EVIDENCE_BYTES,
  EventCode,
  EvidenceFamily,
  eventAt,
  isEvent,
  wantsEvidence,
} from '../debit/event.ts';
import { DEBIT_BYTES, DESFIRE_TRANSACTION, TapKind } from '../debit/record.ts';
import { type TacVerdict, tacCodes } from '../ledger/received.ts';

/** What the operator has to verify such debits with. */
export interface DesfireScheme {
  /** With the masters of transaction MACs. */
  readonly keyring: AesKeyring;
  /** As the gates have them. */
  readonly profiles: readonly CompiledDesfireProfile[];
}

const UID_AT = 3;
const UID_BYTES = 7;
const TERMINAL_BYTES = 6;

const typesOfTap: Readonly<Record<TapKind, JourneyType>> = {
  [TapKind.entry]: 'entry',
  [TapKind.exit]: 'exit',
  [TapKind.purchase]: 'single',
};

export class DesfireVerifier {
  readonly #scheme: DesfireScheme;
  readonly #input = new TransactionInput();

  constructor(scheme: DesfireScheme) {
    this.#scheme = scheme;
  }

  /**
   * Overwrites the verdicts of such debits among `count` records; the others keep theirs.
   * @param records `count` times 160 bytes.
   */
  verify(records: Uint8Array, count: number, verdicts: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      const from = i * DEBIT_BYTES;
      if (records[from + at.transactionType] !== DESFIRE_TRANSACTION) continue;
      if (isEvent(records, from)) continue;
      verdicts[i] = tacCodes.indexOf(this.#verdict(records, from, i + 1 < count));
    }
  }

  #verdict(records: Uint8Array, from: number, hasNext: boolean): TacVerdict {
    const behind = from + DEBIT_BYTES;
    // A settlement of this family only vouches; it has nothing to verify.
    if (!wantsEvidence(records, from) || !hasNext || !isEvidence(records, behind)) {
      return 'noEvidence';
    }
    const payload = records.subarray(
      behind + eventAt.payload,
      behind + eventAt.payload + EVIDENCE_BYTES,
    );
    let verdict: TacVerdict = 'unknownKey';
    // Two schemes may share the first bytes of a DF name.
    for (const profile of this.#scheme.profiles) {
      if (!equalRange(records, from + at.issuer, profile.issuer, 0, 8)) continue;
      const evidence = readEvidencePayload(payload, profile.recordFile.length);
      if (evidence.proof === null) return 'noEvidence';
      const found = this.#verify(profile, evidence, records, from);
      if (found === 'valid') return found;
      if (found === 'invalid') verdict = found;
    }
    return verdict;
  }

  #verify(
    profile: CompiledDesfireProfile,
    evidence: DesfireEvidence,
    records: Uint8Array,
    from: number,
  ): TacVerdict {
    const number = from + at.cardNumber;
    const uid = records.slice(number + UID_AT, number + UID_AT + UID_BYTES);
    const key = this.#scheme.keyring.macKey(cardKeyRef(profile, 'transactionMac', uid));
    if (key === null) return 'unknownKey';
    const isPadded = (records[number]! | records[number + 1]! | records[number + 2]!) === 0;
    if (!isPadded || !saysTheSame(profile.layout, evidence, records, from)) return 'invalid';
    const valueMinor = readU32(records, from + at.balanceBeforeMinor);
    const amountMinor = readU32(records, from + at.amountMinor);
    const input = debitInput(this.#input, profile, valueMinor, amountMinor, evidence);
    const { tmc, tmv } = evidence.proof!;
    return verifyTransactionMac(key, tmc, uid, input, tmv) ? 'valid' : 'invalid';
  }
}

function isEvidence(records: Uint8Array, from: number): boolean {
  return (
    isEvent(records, from) &&
    records[from + eventAt.event] === EventCode.evidence &&
    records[from + eventAt.family] === EvidenceFamily.desfire
  );
}

/** Whether the record that the card took, and the one before it, fit the debit. */
function saysTheSame(
  layout: RecordLayout,
  { recordBefore, recordWritten }: DesfireEvidence,
  records: Uint8Array,
  from: number,
): boolean {
  const counter = records[from + at.offlineCounter]! * 256 + records[from + at.offlineCounter + 1]!;
  const amountMinor = readU32(records, from + at.amountMinor);
  const leftMinor = readU32(records, from + at.balanceBeforeMinor) - amountMinor;
  const tapKind = records[from + at.tapKind] as TapKind;
  const { station, dateTime, terminal } = layout;
  const has = (field: Field, value: number) =>
    field.length === 0 || readUint(recordWritten, field) === value;
  return (
    readUint(recordBefore, layout.counter) === counter &&
    has(layout.counter, counter + 1) &&
    has(layout.amount, amountMinor) &&
    has(layout.balance, shownBalance(leftMinor)) &&
    layout.typeOf[recordWritten[layout.type.offset]!] === typesOfTap[tapKind] &&
    equalRange(recordWritten, station.offset, records, from + at.toStation, station.length) &&
    equalRange(recordWritten, dateTime.offset, records, from + at.dateTime, dateTime.length) &&
    (terminal.length < TERMINAL_BYTES ||
      equalRange(
        recordWritten,
        terminal.offset + terminal.length - TERMINAL_BYTES,
        records,
        from + at.terminalId,
        TERMINAL_BYTES,
      ))
  );
}
