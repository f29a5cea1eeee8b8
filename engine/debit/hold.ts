/**
 * Money held on a card for a ride (offline pre-authorisation, docs/ecash.md), as the evidence event
 * of a bank card's debit tells it. The debit itself has what the ride took: nothing where a hold is
 * made, the fare where one is completed. Pure bytes: who posts debits knows no cards.
 */
import { readU32, writeU32 } from '../bytes.ts';
import { type DebitEvidence, EvidenceFamily } from './event.ts';

/** DF60 as the gate said it [1]. */
export const HOLD_SERVICE = 2;
export const COMPLETION_SERVICE = 3;

/** What a tap held, or what of it it completed. */
export interface Hold {
  /** Held on the card: by this tap, or until it. */
  readonly heldMinor: number;
  /** What was to be paid; more than the debit's amount where the hold did not cover it. */
  readonly dueMinor: number;
}

/** Offsets in the payload of a bank card's evidence. */
const at = { service: 94, held: 95, due: 99 } as const;

export function writeHold(payload: Uint8Array, { heldMinor, dueMinor }: Hold): void {
  writeU32(payload, at.held, heldMinor);
  writeU32(payload, at.due, dueMinor);
}

/** Null where the payload, 109 bytes, is of neither hold nor completion. */
export function readHold(payload: Uint8Array): Hold | null {
  const service = payload[at.service]!;
  if (service !== HOLD_SERVICE && service !== COMPLETION_SERVICE) return null;
  return { heldMinor: readU32(payload, at.held), dueMinor: readU32(payload, at.due) };
}

/** What the ride was to cost that this evidence is of; null: no hold was completed. */
export function dueAtCompletion({ family, payload }: DebitEvidence): number | null {
  if (family !== EvidenceFamily.bank || payload[at.service] !== COMPLETION_SERVICE) return null;
  return readHold(payload)!.dueMinor;
}
