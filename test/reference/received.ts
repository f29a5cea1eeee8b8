/** Receiving a batch record by record, as objects: the slow and obvious twin of the columns. */
import { toHex } from '../../engine/bytes.ts';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { type CmacKey, cmac16 } from '../../engine/crypto/mac.ts';
import { TacVerifier } from '../../engine/crypto/tac.ts';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit, DebitState } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import type { Batch } from '../../engine/wire/envelope.ts';

export type PlainDebit = Omit<ReceivedDebit, 'digest' | 'sealed'>;

/** @throws FaregateError UPLOAD_MALFORMED. */
export function receivePlainly(
  gateId: string,
  batch: Batch,
  keyring: Keyring,
  cardHash: CmacKey,
): PlainDebit[] {
  const verifier = new TacVerifier(keyring);
  const debits = Array.from({ length: batch.count }, (_, i) => decodeRecord(gateId, batch, i));
  return debits.map((debit, i) => {
    const card = new Uint8Array(16);
    cmac16(cardHash, debit.cardNumber, 0, debit.cardNumber.length, card);
    const byCounter = debit.kind === 2 && debit.evidence === 3;
    const unproven = byCounter && debit.tac.every((byte) => byte === 0);
    const carries = debit.state === DebitState.confirmed && !unproven;
    return {
      gateId,
      gateSequence: debit.gateSequence,
      kind: debit.kind,
      state: debit.state,
      evidence: debit.evidence,
      tapKind: debit.tapKind,
      card,
      issuer: toHex(debit.issuer),
      transactionType: debit.transactionType,
      offlineCounter: debit.offlineCounter,
      balanceBeforeMinor: debit.balanceBeforeMinor,
      amountMinor: debit.amountMinor,
      currency: debit.currency,
      instantMs: debit.instantMs,
      tac: carries ? verifier.verify(batch.records, i * DEBIT_BYTES) : 'none',
      refersTo: debit.refersTo,
    };
  });
}

function decodeRecord(gateId: string, batch: Batch, index: number): Debit {
  const fail = (what: string) => new FaregateError('UPLOAD_MALFORMED', `record ${index}: ${what}`);
  let debit: Debit;
  try {
    debit = decodeDebit(batch.records, index * DEBIT_BYTES);
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
    throw fail(error.message);
  }
  if (debit.gateId !== gateId) throw fail(`field gateId is ${debit.gateId}, not ${gateId}`);
  if (debit.gateSequence !== batch.first + index) {
    throw fail(`field gateSequence is ${debit.gateSequence}, not ${batch.first + index}`);
  }
  if (debit.state === DebitState.intended) throw fail('field state is 0, not an outcome');
  return debit;
}
