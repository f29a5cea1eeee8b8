/** Received debits as the columns that ingest hands over. */
import { fromHex, writeU16, writeU32, writeU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import type { Ledger } from '../../engine/ledger/ledger.ts';
import type { PostOutcome } from '../../engine/ledger/poster.ts';
import { type ReceivedBatch, type ReceivedDebit, tacCodes } from '../../engine/ledger/received.ts';
import { CARD_BYTES, DIGEST_BYTES } from '../../engine/ledger/rows.ts';

/** @param debits of one gate, with sequences that follow each other; at least one. */
export function columnsOf(debits: readonly ReceivedDebit[]): ReceivedBatch {
  const { gateId, gateSequence: firstSequence } = debits[0]!;
  const count = debits.length;
  const records = new Uint8Array(count * DEBIT_BYTES);
  const cards = new Uint8Array(count * CARD_BYTES);
  const digests = new Uint8Array(count * DIGEST_BYTES);
  for (const [i, debit] of debits.entries()) {
    writeRecord(debit, records, i * DEBIT_BYTES);
    cards.set(debit.card, i * CARD_BYTES);
    digests.set(debit.digest.subarray(0, DIGEST_BYTES), i * DIGEST_BYTES);
  }
  return {
    gateId,
    firstSequence,
    count,
    records,
    cards,
    tacs: Uint8Array.from(debits, (debit) => tacCodes.indexOf(debit.tac)),
    digests,
    sealed: Buffer.from(`sealed ${gateId}/${firstSequence}+${count}`),
    debitAt: (index) => debits[index]!,
  };
}

/** What of a record the ledger reads. */
function writeRecord(debit: ReceivedDebit, out: Uint8Array, from: number): void {
  out[from + at.kind] = debit.kind;
  out[from + at.state] = debit.state;
  out[from + at.evidence] = debit.evidence;
  writeU48(out, from + at.gateSequence, debit.gateSequence);
  writeU48(out, from + at.instantMs, debit.instantMs);
  out[from + at.tapKind] = debit.tapKind;
  out.set(fromHex(debit.issuer), from + at.issuer);
  out[from + at.transactionType] = debit.transactionType;
  writeU16(out, from + at.offlineCounter, debit.offlineCounter);
  writeU32(out, from + at.balanceBeforeMinor, debit.balanceBeforeMinor);
  writeU32(out, from + at.amountMinor, debit.amountMinor);
  writeU16(out, from + at.currency, debit.currency);
}

/** Runs of sequences that follow each other: where they do not, a batch ends. */
function runsOf(debits: readonly ReceivedDebit[]): ReceivedDebit[][] {
  const runs: ReceivedDebit[][] = [];
  for (const debit of debits) {
    const run = runs.at(-1);
    if (run?.at(-1)?.gateSequence === debit.gateSequence - 1) run.push(debit);
    else runs.push([debit]);
  }
  return runs;
}

/** A gate's debits on their way into a ledger. */
export type Lane = (
  ledger: Ledger,
  gateId: string,
  debits: readonly ReceivedDebit[],
) => Promise<PostOutcome>;

/** Each debit by the general rules. */
export const byRules: Lane = (ledger, gateId, debits) => ledger.post(gateId, debits);

/** As ingest hands them over: the ordinary ones go into blocks. */
export const byColumns: Lane = async (ledger, gateId, debits) => {
  const posts = runsOf(debits).map((run) => ledger.postBatch(columnsOf(run)));
  const done = await Promise.all(posts);
  return {
    outcomes: done.flatMap(({ outcomes }) => outcomes),
    acknowledgedThrough: done.at(-1)?.acknowledgedThrough ?? ledger.acknowledgedThrough(gateId),
  };
};
