/**
 * Posted debits of cards as taps that `faregate-engine account` prices: what a card has paid at
 * gates beside what its rides cost by all terms, those that no gate can count included
 * (docs/card-counters.md). E-cash rides are priced like those of purses. Open-loop taps are charged
 * by the day and not at gates (docs/open-loop.md), so they are no part of it unless asked for.
 * Records come from the sealed evidence; a card is named by its keyed hash alone.
 */
import { readU16, toHex } from '../bytes.ts';
import { openBatch } from '../debit/batch-evidence.ts';
import { decodeDebit } from '../debit/codec.ts';
import { openEvidence } from '../debit/evidence.ts';
import {
  DEBIT_BYTES,
  type Debit,
  isPlainPurchase,
  OPEN_LOOP_TRANSACTION,
  TapKind,
} from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import type { FareSet } from '../fare/fares.ts';
import { formatInstant } from '../fare/instant.ts';
import { type PostedBatch, postedBatches, postedWithoutRecord } from '../ledger/posted.ts';
import type { DebitRow } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';

/** Which taps are asked for. */
export interface TapRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of `shards` parts of all cards, by the first bytes of their hash. */
  readonly shard: number;
  readonly shards: number;
  /** Open-loop taps too, which paid 0 at the gate. */
  readonly openLoop: boolean;
}

/** What records only name by number. */
export interface TapNames {
  readonly sets: readonly FareSet[];
  /** Network of a gate, by its id; '' where it is on none. */
  readonly networkOf: (gateId: string) => string;
}

/** A line of `faregate-engine account`. */
export interface PostedTap {
  readonly account: string;
  readonly rider: string;
  readonly id: string;
  readonly at: string;
  readonly kind: 'entry' | 'exit' | 'single';
  readonly stop: string;
  readonly network: string;
  /** What its debit took from the card. */
  readonly paidMinor: number;
}

/**
 * The taps of posted debits, in the order in which they came.
 * @throws FaregateError LEDGER_BROKEN where evidence does not open.
 */
export function* postedTaps(
  store: LedgerStore,
  storageKey: Uint8Array,
  range: TapRange,
  names: TapNames,
): Generator<PostedTap> {
  const stations = stationNames(names.sets);
  for (const batch of postedBatches(store)) {
    const asked = batch.debits.filter((debit) => isAsked(debit, range));
    if (asked.length === 0) continue;
    const records = recordsOf(batch, storageKey);
    for (const { gateSequence, card } of asked) {
      const from = (gateSequence - batch.firstSequence) * DEBIT_BYTES;
      const debit = decodeDebit(records, from);
      const tap = tapOf(debit, toHex(card).toLowerCase(), stations, names);
      if (tap) yield tap;
    }
  }
}

/**
 * Ids of those that `postedTaps` would have to tell of and cannot, because their records are kept
 * nowhere; plain purchases may be among them, which only a record tells from rides.
 */
export function* lostTaps(store: LedgerStore, range: TapRange): Generator<string> {
  for (const { gateId, gateSequence, row } of postedWithoutRecord(store)) {
    if (isAsked(row, range)) yield `${gateId}-${gateSequence}`;
  }
}

function isAsked(
  { card, transactionType, instantMs }: Pick<DebitRow, 'card' | 'transactionType' | 'instantMs'>,
  { fromMs, toMs, shard, shards, openLoop }: TapRange,
): boolean {
  if (transactionType === OPEN_LOOP_TRANSACTION && !openLoop) return false;
  return instantMs >= fromMs && instantMs < toMs && readU16(card, 0) % shards === shard;
}

/**
 * The records of a posted batch, 160 bytes each.
 * @throws FaregateError LEDGER_BROKEN where its evidence does not open.
 */
export function recordsOf(batch: PostedBatch, storageKey: Uint8Array): Uint8Array {
  const { gateId, firstSequence, sealed, isOne } = batch;
  const first = { gateId, gateSequence: firstSequence };
  const records = isOne
    ? openEvidence(storageKey, sealed, first)
    : openBatch(storageKey, sealed, first);
  if (records) return records;
  const message = `evidence of gate ${gateId} from sequence ${firstSequence} does not open`;
  throw new FaregateError('LEDGER_BROKEN', message);
}

/** null for what is no ride: a plain purchase, a station that no version has. */
function tapOf(
  debit: Debit,
  account: string,
  stations: ReadonlyMap<string, string>,
  { sets, networkOf }: TapNames,
): PostedTap | null {
  if (isPlainPurchase(debit)) return null;
  const set = sets.find(({ version }) => version === debit.fareVersion);
  const stop = stations.get(toHex(debit.toStation));
  if (!set || stop === undefined) return null;
  return {
    account,
    rider: set.riders[debit.rider] ?? set.riders[0]!,
    id: `${debit.gateId}-${debit.gateSequence}`,
    at: formatInstant(debit.instantMs),
    kind: kindOf(debit.tapKind),
    stop,
    network: networkOf(debit.gateId),
    paidMinor: debit.amountMinor,
  };
}

function kindOf(tapKind: TapKind): PostedTap['kind'] {
  if (tapKind === TapKind.entry) return 'entry';
  return tapKind === TapKind.exit ? 'exit' : 'single';
}

/** Ids by code; a code is one station's in all versions. */
function stationNames(sets: readonly FareSet[]): Map<string, string> {
  return new Map(sets.flatMap(({ stations }) => stations.map(({ code, id }) => [toHex(code), id])));
}
