/**
 * The lines of a clearing file: for each debit what its bank needs to pay for a TC (EMV 4.3 Book 3,
 * annex A names the tags), as one JSON object. They name the card in clear.
 */
import { toHex } from '../bytes.ts';
import { type BankProof, readBankPayload } from '../card/qpboc/evidence-payload.ts';
import { decodeDebit } from '../debit/codec.ts';
import { decodeEvent, EvidenceFamily } from '../debit/event.ts';
import { DEBIT_BYTES, type Debit, type DebitId } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { formatInstant } from '../fare/instant.ts';
import { DIGEST_BYTES, idKey } from '../ledger/rows.ts';
import type { StoreReader } from '../ledger/store.ts';

/** A claim, as a line. */
export interface ClearingLine {
  readonly run: number;
  /** `GATE-SEQUENCE`. */
  readonly id: string;
  /** Hexadecimal, as the ledger's accounts are named. */
  readonly issuer: string;
  readonly at: string;
  readonly amountMinor: number;
  /** ISO 4217 number. */
  readonly currency: number;
  /** The operator verified the cryptogram itself; else only the bank can. */
  readonly verified: boolean;
  readonly terminalId: string;
  readonly terminalSequence: number;
  /** Of a ride whose fare was held at its entry: what was, and what the ride was to cost. */
  readonly heldMinor?: number;
  readonly dueMinor?: number;
  /** By tag, values in hexadecimal; 5A without filling. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What was claimed in an earlier run, and the ledger no longer holds for posted. */
export interface WithdrawalLine {
  readonly run: number;
  readonly withdraws: string;
  readonly claimedInRun: number;
  readonly issuer: string;
  readonly amountMinor: number;
  readonly currency: number;
}

export function lineName({ gateId, gateSequence }: DebitId): string {
  return `${gateId}-${gateSequence}`;
}

/**
 * The proof behind a debit, which is in the event of the sequence after it; null where there is
 * none, as behind a debit whose answer was lost.
 */
export function proofOf(reader: StoreReader, debit: Debit): BankProof | null {
  const { gateId, gateSequence } = debit;
  const value = reader.get('events', idKey({ gateId, gateSequence: gateSequence + 1 }));
  if (!value) return null;
  const event = decodeEvent(value, DIGEST_BYTES);
  if (event.event !== 'evidence' || event.family !== EvidenceFamily.bank) return null;
  return readBankPayload(event.payload, debit);
}

/**
 * The debit of a record.
 * @param record 160 bytes, or null where its evidence did not open
 * @throws FaregateError LEDGER_BROKEN where it is not the debit of this id.
 */
export function debitIn(record: Uint8Array | null, id: DebitId): Debit {
  const debit = record?.length === DEBIT_BYTES ? decodeDebit(record, 0) : null;
  if (debit?.gateId === id.gateId && debit.gateSequence === id.gateSequence) return debit;
  throw new FaregateError('LEDGER_BROKEN', `evidence of debit ${lineName(id)} does not open`);
}

export function clearingLine(
  run: number,
  debit: Debit,
  { evidence, application, hold }: BankProof,
  verified: boolean,
): ClearingLine {
  const { card, expiry } = evidence;
  return {
    run,
    id: lineName(debit),
    issuer: toHex(debit.issuer),
    at: formatInstant(debit.instantMs),
    amountMinor: debit.amountMinor,
    currency: debit.currency,
    verified,
    terminalId: toHex(debit.terminalId),
    terminalSequence: debit.terminalSequence,
    ...hold,
    tags: {
      '9F26': toHex(evidence.cryptogram),
      '9F27': hexByte(evidence.cryptogramInformation),
      '9F10': toHex(evidence.iad),
      '9F37': toHex(evidence.unpredictableNumber),
      '9F36': evidence.atc.toString(16).toUpperCase().padStart(4, '0'),
      '95': toHex(evidence.verificationResults),
      '9A': toHex(evidence.date),
      '9F21': toHex(evidence.time),
      '9C': hexByte(evidence.transactionType),
      '9F02': toHex(evidence.amount),
      '5F2A': toHex(evidence.currency),
      '82': toHex(evidence.aip),
      '9F1A': toHex(evidence.country),
      '9F03': toHex(evidence.amountOther),
      '9F66': toHex(evidence.terminalQualifiers),
      '4F': toHex(evidence.aid),
      '5A': card.pan,
      '5F34': String(card.panSequence).padStart(2, '0'),
      ...(expiry ? { '5F24': toHex(expiry) } : {}),
      ...(application > 0 ? { DF60: hexByte(application) } : {}),
    },
  };
}

function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}
