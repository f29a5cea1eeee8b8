/** Debits of virtual bank cards with their evidence, as gates upload them. */

import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { evidenceOf } from '../../engine/card/qpboc/evidence.ts';
import { type Authenticated, bankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import type { EcashTransaction } from '../../engine/card/qpboc/transaction.ts';
import { cardKey } from '../../engine/crypto/application-cryptogram.ts';
import { encodeDebit } from '../../engine/debit/codec.ts';
import { EvidenceFamily, encodeEvent } from '../../engine/debit/event.ts';
import {
  DEBIT_BYTES,
  type Debit,
  ECASH_TRANSACTION,
  NOTHING_IN_FORCE,
} from '../../engine/debit/record.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import type { EcashPersonality } from '../../gate/reader/virtual/ecash-personality.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { debitOf } from '../gate/uplink/fakes.ts';
import { approvedBy, buy, ecashCard } from './ecash-cards.ts';

const BANK_ISSUER: Uint8Array = Uint8Array.of(0x62, 0x28, 0, 0, 0, 0, 0, 0);

/** A card of the issuer whose cryptogram master key this is. */
export function cardOfIssuer(
  master: Uint8Array,
  changes: Partial<Pick<EcashPersonality, 'algorithm' | 'cryptogramVersion'>> = {},
  state: { readonly atc?: number; readonly balanceMinor?: number } = {},
): EcashCard {
  const { pan, panSequence } = testCard;
  const algorithm = changes.algorithm ?? '3des';
  const cryptogramKey = cardKey(algorithm, master, pan, panSequence);
  return ecashCard({ personality: { ...changes, cryptogramKey }, state });
}

export interface BankRecordChanges {
  readonly debit?: Partial<Debit>;
  readonly authenticated?: Authenticated;
}

/** Debit and evidence of a purchase: two records of 160 bytes. */
export function bankRecords(
  gateId: string,
  gateSequence: number,
  transaction: EcashTransaction,
  changes: BankRecordChanges = {},
): Uint8Array {
  const evidence = evidenceOf(transaction);
  const amountMinor = Number(Buffer.from(evidence.amount).toString('hex'));
  const leftMinor = Number(Buffer.from(evidence.availableBalance!).toString('hex'));
  const debit = debitOf(gateId, gateSequence, {
    transactionType: ECASH_TRANSACTION,
    issuer: BANK_ISSUER,
    cardNumber: cardNumberOf(evidence.card),
    offlineCounter: evidence.atc,
    balanceBeforeMinor: leftMinor + amountMinor,
    amountMinor,
    dateTime: Uint8Array.of(0x20, ...evidence.date, ...evidence.time),
    tac: new Uint8Array(4),
    ...changes.debit,
  });
  const authenticated = changes.authenticated ?? { method: 'fddaV01', algorithm: 'rsa' };
  const records = new Uint8Array(2 * DEBIT_BYTES);
  encodeDebit(debit, records, 0);
  encodeEvent(
    {
      ...NOTHING_IN_FORCE,
      gateId,
      gateSequence: gateSequence + 1,
      instantMs: debit.instantMs,
      dateTime: debit.dateTime,
      station: Uint8Array.of(0, 0, 1, 1),
      event: 'evidence',
      family: EvidenceFamily.bank,
      payload: bankPayload({ evidence, authenticated, application: 0 }),
    },
    records,
    DEBIT_BYTES,
  );
  return records;
}

/** The same of a purchase made now. */
export function purchaseRecords(
  gateId: string,
  gateSequence: number,
  card: EcashCard,
  amountMinor: number,
  changes: BankRecordChanges = {},
): Uint8Array {
  return bankRecords(gateId, gateSequence, approvedBy(buy(card, amountMinor)), changes);
}
