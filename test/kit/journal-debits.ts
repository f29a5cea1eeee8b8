/** What gates' journals have of debits that come with evidence. */
import assert from 'node:assert/strict';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { decodeEvent, isEvent, wantsEvidence } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, type Debit, DebitState } from '../../engine/debit/record.ts';
import type { Journal } from '../../gate/journal/port.ts';

const RECORDS_MAX = 1000;

export interface JournalRecords {
  /** Closed debits and settlements. */
  readonly debits: Debit[];
  /** Sequences of evidence events. */
  readonly evidence: number[];
}

/** All records in order; what wants evidence must have it right behind. */
export async function recordsOf(...journals: readonly Journal[]): Promise<JournalRecords> {
  const debits: Debit[] = [];
  const evidence: number[] = [];
  for (const journal of new Set(journals)) {
    const { records, count } = await journal.read(1, RECORDS_MAX);
    for (let i = 0; i < count; i++) {
      const from = i * DEBIT_BYTES;
      if (isEvent(records, from)) evidence.push(decodeEvent(records, from).gateSequence);
      else debits.push(decodeDebit(records, from));
      if (!wantsEvidence(records, from)) continue;
      assert(i + 1 < count && isEvent(records, from + DEBIT_BYTES), 'evidence is right behind');
    }
  }
  return { debits, evidence };
}

export async function debitsOf(...journals: readonly Journal[]): Promise<Debit[]> {
  return (await recordsOf(...journals)).debits;
}

/** What is confirmed, by its own record or by a settlement. */
export function claimedMinor(debits: readonly Debit[]): number {
  return debits
    .filter(({ state }) => state === DebitState.confirmed)
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}
