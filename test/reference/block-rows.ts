/** A block's row byte by byte: the slow and obvious twin of `BlockBuilder.add`, which goes by words. */
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { type ReceivedBatch, TAC_PASSED_THROUGH } from '../../engine/ledger/received.ts';

export interface RowPlace {
  readonly issuerPlace: number;
  readonly previousBlock: number;
  readonly previousIndex: number;
  readonly previousCounter: number;
}

/** The 64 bytes of the batch's record `i`, as the layout in `engine/ledger/block.ts` says. */
export function rowPlainly(batch: ReceivedBatch, i: number, place: RowPlace): number[] {
  const { records, cards, digests, tacs } = batch;
  const field = (offset: number, length: number): number[] => [
    ...records.subarray(i * DEBIT_BYTES + offset, i * DEBIT_BYTES + offset + length),
  ];
  const big = (value: number, length: number): number[] =>
    Array.from({ length }, (_, n) => Math.floor(value / 256 ** (length - 1 - n)) % 256);
  const passed = tacs[i] === TAC_PASSED_THROUGH ? 0x80 : 0;
  return [
    ...cards.subarray(i * 16, i * 16 + 16),
    ...digests.subarray(i * 16, i * 16 + 16),
    ...field(at.instantMs, 6),
    ...big(i, 2),
    ...field(at.offlineCounter, 2),
    ...field(at.currency, 2),
    ...field(at.balanceBeforeMinor, 4),
    ...field(at.amountMinor, 4),
    ...big(place.previousBlock, 4),
    ...big(place.previousIndex, 2),
    ...field(at.transactionType, 1),
    ...field(at.tapKind, 1),
    field(at.evidence, 1)[0]! | passed,
    place.issuerPlace,
    ...big(place.previousCounter, 2),
  ];
}
