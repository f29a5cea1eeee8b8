/**
 * The proof that a bank card gave with a tap: number, expiry and cryptogram, from the record of the
 * tap and the evidence event behind it, which lie sealed in the batch they came in
 * (`docs/ledger.md`). Only the file to the acquirer is made of it; the books keep none of it.
 */

import { toHex } from '../bytes.ts';
import { type BankProof, readBankPayload } from '../card/qpboc/evidence-payload.ts';
import { decodeDebit } from '../debit/codec.ts';
import { decodeEvent, EvidenceFamily, type GateEvent, isEvent } from '../debit/event.ts';
import { DEBIT_BYTES, type DebitId } from '../debit/record.ts';
import type { PostedBatch } from '../ledger/posted.ts';
import { keptDebit } from '../ledger/posted.ts';
import { DIGEST_BYTES, idKey } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { recordsOf } from '../operator/posted-taps.ts';
import { debitOfTap, tapIdOf } from './ledger-taps.ts';

/** The proof behind a card's tap, by the tap's id; null where the card proved nothing. */
export interface TapEvidence {
  proofOf(card: string, tap: string): BankProof | null;
}

/** Finds the proofs of several taps in one go. */
export type EvidenceSource = (taps: ReadonlySet<string>) => TapEvidence;

/**
 * Opens the batches of the taps wanted, and no others. A tap that was voided since has its proof
 * still: a file that was begun with it is finished, and money goes back to its card.
 * @param storageKey 32 bytes
 * @throws FaregateError LEDGER_BROKEN where a batch does not open.
 */
export function ledgerEvidence(
  store: LedgerStore,
  storageKey: Uint8Array,
  taps: ReadonlySet<string>,
): TapEvidence {
  const proofs = new Map<string, BankProof>();
  let last: Opened | null = null;
  for (const id of [...taps].map(debitOfTap).sort(compareIds)) {
    const batch = keptDebit(store, id);
    if (!batch) continue;
    const { gateId, firstSequence } = batch;
    const isOpen = last?.batch.gateId === gateId && last.batch.firstSequence === firstSequence;
    if (!isOpen || last?.batch.isOne !== batch.isOne) {
      last = { batch, records: recordsOf(batch, storageKey) };
    }
    const { records } = last!;
    for (const { gateSequence, card } of batch.debits) {
      const from = (gateSequence - firstSequence) * DEBIT_BYTES;
      const event = eventBehind(batch, records, from) ?? heldEvent(store, gateId, gateSequence + 1);
      if (event?.event !== 'evidence' || event.family !== EvidenceFamily.bank) continue;
      const proof = readBankPayload(event.payload, decodeDebit(records, from));
      const key = keyOf(toHex(card).toLowerCase(), tapIdOf({ gateId, gateSequence }));
      if (proof) proofs.set(key, proof);
    }
  }
  return { proofOf: (card, tap) => proofs.get(keyOf(card, tap)) ?? null };
}

interface Opened {
  readonly batch: PostedBatch;
  readonly records: Uint8Array;
}

/** So that taps of one batch follow each other. */
function compareIds(a: DebitId, b: DebitId): number {
  if (a.gateId !== b.gateId) return a.gateId < b.gateId ? -1 : 1;
  return a.gateSequence - b.gateSequence;
}

function keyOf(card: string, tap: string): string {
  return `${card} ${tap}`;
}

function eventBehind({ gateId }: PostedBatch, records: Uint8Array, from: number): GateEvent | null {
  const behind = from + DEBIT_BYTES;
  if (records.length < behind + DEBIT_BYTES || !isEvent(records, behind)) return null;
  const event = decodeEvent(records, behind);
  return event.gateId === gateId ? event : null;
}

/** The event of a debit whose record has been sealed alone: it is held by itself. */
function heldEvent(store: LedgerStore, gateId: string, gateSequence: number): GateEvent | null {
  const id: DebitId = { gateId, gateSequence };
  return store.read((reader) => {
    const value = reader.get('events', idKey(id));
    return value ? decodeEvent(value, DIGEST_BYTES) : null;
  });
}
