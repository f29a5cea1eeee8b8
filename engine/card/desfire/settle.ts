/**
 * Settles a debit whose card left between CommitTransaction and its answer, when the card is seen
 * again. A commit puts value and record in force together, and every debit writes a record, so the
 * record file says it; a card with transaction MACs proves it as the lost answer would have. All
 * that is read here came through a session under the card's key.
 */
import { equalBytes } from '../../bytes.ts';
import type { DesfireDialogue, DesfireFault } from './asks.ts';
import { readRecords } from './commands/records.ts';
import { readTransactionMac, type TransactionProof } from './commands/transaction.ts';
import { cardKeyRef } from './compile.ts';
import type { OpenPurse } from './purse.ts';

/** What is kept of a debit from before its commit is sent until its outcome is known. */
export interface PendingDebit {
  readonly valueBeforeMinor: number;
  readonly amountMinor: number;
  /** The newest record before, and the one written. */
  readonly recordBefore: Uint8Array;
  readonly recordWritten: Uint8Array;
  /** Input of its transaction MAC: `purse.input.bytes()` once all is prepared. */
  readonly input: Uint8Array;
}

/** What became of it. */
export type Settlement =
  | {
      readonly state: 'committed';
      /** `proof`: its transaction MAC verifies. */
      readonly evidence: 'proof' | 'record' | 'value';
      /**
       * Of its transaction: verified if evidence says so, else for whoever has the key to verify.
       * Null where the card has none, or its last transaction is another.
       */
      readonly proof: TransactionProof | null;
    }
  | { readonly state: 'notCommitted'; readonly evidence: 'record' | 'value' }
  /** Other gates have written over all that would say it: the back office decides. */
  | { readonly state: 'unknown' };

/**
 * Reads what it needs and no more: nothing where the newest record was there before the debit, the
 * transaction MAC file where it is the debit's own, all records where it is another.
 */
export function* settle(
  purse: OpenPurse,
  pending: PendingDebit,
): DesfireDialogue<Settlement | DesfireFault> {
  const { recordBefore, recordWritten } = pending;
  if (equalBytes(recordBefore, recordWritten)) return yield* settleByValue(purse, pending);
  if (equalBytes(purse.newest, recordWritten)) return yield* committed(purse, pending, 'record');
  if (equalBytes(purse.newest, recordBefore)) {
    return { state: 'notCommitted', evidence: 'record' };
  }
  const records = yield* readRecords(purse.channel, purse.profile.recordFile, 0, purse.input);
  if ('fault' in records) return records;
  if (records.some((record) => equalBytes(record, recordWritten))) {
    return { state: 'committed', evidence: 'record', proof: null };
  }
  // The debit's record would stand right after the one before it.
  return records.some((record) => equalBytes(record, recordBefore))
    ? { state: 'notCommitted', evidence: 'record' }
    : { state: 'unknown' };
}

/** Two records alike, of one second at one gate, say nothing. */
function* settleByValue(
  purse: OpenPurse,
  pending: PendingDebit,
): DesfireDialogue<Settlement | DesfireFault> {
  const { valueBeforeMinor, amountMinor } = pending;
  if (!equalBytes(purse.newest, pending.recordWritten) || amountMinor === 0) {
    return { state: 'unknown' };
  }
  if (purse.valueMinor === valueBeforeMinor) return { state: 'notCommitted', evidence: 'value' };
  if (purse.valueMinor !== valueBeforeMinor - amountMinor) return { state: 'unknown' };
  return yield* committed(purse, pending, 'value');
}

function* committed(
  { profile, channel, uid }: OpenPurse,
  pending: PendingDebit,
  evidence: 'record' | 'value',
): DesfireDialogue<Settlement | DesfireFault> {
  const { transactionMac, chaining } = profile.settings;
  if (transactionMac === null) return { state: 'committed', evidence, proof: null };
  const proof = yield* readTransactionMac(channel, transactionMac, chaining);
  if ('fault' in proof) return proof;
  const key = cardKeyRef(profile, 'transactionMac', uid);
  const { tmc, tmv } = proof;
  const verdict = yield {
    ask: 'aesTransactionMac',
    key,
    uid,
    tmc,
    tmv,
    input: pending.input,
  };
  if (verdict === false) return { state: 'committed', evidence, proof: null };
  return { state: 'committed', evidence: verdict === true ? 'proof' : evidence, proof };
}
