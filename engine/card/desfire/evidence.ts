/**
 * What bears out a debit of an AES closed-loop card: the proof that CommitTransaction answered, and
 * the two records that entered its transaction MAC beside value and amount. From these and the
 * debit record the back office makes the MAC's input again (MF2DL(H)x0 data sheet, 10.3.4).
 *
 * The payload of an evidence event: TMC4, as a big-endian number ‖ TMV8 ‖ record before 48 ‖ record
 * written 48 ‖ 00; records are filled up with zeros. TMC 0: the card proved nothing.
 */
import { copyBytes, readU32, writeU32 } from '../../bytes.ts';
import { EVIDENCE_RECORD_BYTES } from '../../card-limits.ts';
import { invariant } from '../../invariant.ts';
import { take } from '../apdu.ts';
import type { TransactionProof } from './commands/transaction.ts';
import { debit, getValue } from './commands/value.ts';
import type { CompiledDesfireProfile } from './compile.ts';
import type { TransactionInput } from './transaction-input.ts';

const PAYLOAD_BYTES = 109;
const at = { tmc: 0, tmv: 4, before: 12, written: 12 + EVIDENCE_RECORD_BYTES } as const;

export interface DesfireEvidence {
  /** Null: the card proved nothing. */
  readonly proof: TransactionProof | null;
  readonly recordBefore: Uint8Array;
  readonly recordWritten: Uint8Array;
}

/** @returns 109 bytes */
export function evidencePayload(evidence: DesfireEvidence): Uint8Array {
  const { proof, recordBefore, recordWritten } = evidence;
  invariant(recordBefore.length <= EVIDENCE_RECORD_BYTES, 'a record that evidence holds');
  invariant(recordWritten.length === recordBefore.length, 'records of one layout');
  const payload = new Uint8Array(PAYLOAD_BYTES);
  if (proof !== null) {
    writeU32(payload, at.tmc, proof.tmc);
    copyBytes(proof.tmv, 0, payload, at.tmv, proof.tmv.length);
  }
  copyBytes(recordBefore, 0, payload, at.before, recordBefore.length);
  copyBytes(recordWritten, 0, payload, at.written, recordWritten.length);
  return payload;
}

/** @param recordLength as the profile says. */
export function readEvidencePayload(payload: Uint8Array, recordLength: number): DesfireEvidence {
  const tmc = readU32(payload, at.tmc);
  return {
    proof: tmc === 0 ? null : { tmc, tmv: take(payload, at.tmv, 8) },
    recordBefore: take(payload, at.before, recordLength),
    recordWritten: take(payload, at.written, recordLength),
  };
}

/**
 * The transaction MAC's input of a debit: what `enterPurse` and `prepareDebit` gathered.
 * @param input is cleared first.
 */
export function debitInput(
  input: TransactionInput,
  profile: CompiledDesfireProfile,
  valueBeforeMinor: number,
  amountMinor: number,
  { recordBefore, recordWritten }: Pick<DesfireEvidence, 'recordBefore' | 'recordWritten'>,
): Uint8Array {
  const { settings, recordFile } = profile;
  const { number, commands } = recordFile;
  input.clear();
  input.addValue(getValue.ins, settings.valueFile.number, valueBeforeMinor);
  input.addRecords(commands.read.ins, number, 0, 1, recordBefore);
  if (amountMinor > 0) input.addValue(debit.ins, settings.valueFile.number, amountMinor);
  input.addRecords(commands.write.ins, number, 0, recordWritten.length, recordWritten);
  return input.bytes();
}
