/** Debits to post in ledger tests. */
import { createHash } from 'node:crypto';
import { DebitKind, DebitState, Evidence, TapKind } from '../../engine/debit/record.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';

export const ISSUER = '0000000000001000';
export const CNY = 156;

/** A card's keyed hash, for tests a plain one of a name. */
export function cardOf(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(name).digest().subarray(0, 16));
}

/** A confirmed exit of 2.00 from a balance of 50.00 at counter 7, unless told otherwise. */
export function received(fields: Partial<ReceivedDebit> & { gateSequence: number }): ReceivedDebit {
  const debit = {
    gateId: 'G01',
    kind: DebitKind.debit,
    state: DebitState.confirmed,
    evidence: Evidence.debitAnswer,
    tapKind: TapKind.exit,
    card: cardOf('card'),
    issuer: ISSUER,
    transactionType: 9,
    offlineCounter: 7,
    balanceBeforeMinor: 5000,
    amountMinor: 200,
    currency: CNY,
    instantMs: 1_760_000_000_000,
    tac: 'valid' as const,
    refersTo: null,
    ...fields,
  };
  const digest = fields.digest ?? digestOf(debit);
  return { ...debit, digest, sealed: fields.sealed ?? digest.slice(0, 20) };
}

/** Unconfirmed: DEBIT was sent and no answer came. */
export function torn(fields: Partial<ReceivedDebit> & { gateSequence: number }): ReceivedDebit {
  return received({
    state: DebitState.unconfirmed,
    evidence: Evidence.none,
    tac: 'none',
    ...fields,
  });
}

/** The later word on `original`: proved with a TAC, or void. */
export function settlement(
  original: ReceivedDebit,
  state: DebitState,
  fields: Partial<ReceivedDebit> & { gateSequence: number },
): ReceivedDebit {
  const { gateId, gateSequence } = original;
  const { digest: _digest, sealed: _sealed, ...copied } = original;
  return received({
    ...copied,
    kind: DebitKind.settlement,
    state,
    evidence: Evidence.proof,
    tac: state === DebitState.confirmed ? 'valid' : 'none',
    refersTo: { gateId, gateSequence },
    ...fields,
  });
}

function digestOf(debit: object): Uint8Array {
  const text = JSON.stringify(debit, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
  return new Uint8Array(createHash('sha256').update(text).digest());
}
