/**
 * Settlement of posted debits: what each issuer's float pays each operator, every debit in one
 * settlement and no more. Two phases: a run marks its debits and books what is due in one
 * transaction, with the rows that files are written from, as often as it takes; `paid` books the
 * payment. A run that dies before its commit has settled nothing, one that dies after it has
 * settled all.
 */
import { FaregateError } from '../errors.ts';
import type { PostedMark } from '../ledger/posted.ts';
import { SETTLEMENT_TRIES_MAX } from '../limits.ts';
import { accountKey, type BookOf, book } from './books.ts';
import type { PostedDebit, WalkDebits } from './ledger-debits.ts';
import { type Refused, refuse, type SettledGate, type Settlement } from './model.ts';
import {
  type CardReader,
  type CardStore,
  type CardWriter,
  eachRow,
  getRow,
  putRow,
} from './rows.ts';
import { SettledMarks } from './settled-marks.ts';

/** The operator that a gate's debits are owed to, or null: none has it. */
export type OperatorOf = (gateId: string) => string | null;

/** Debits of gates that no operator has: they stay in the float. */
export interface Unassigned {
  readonly gateId: string;
  readonly debits: number;
  readonly amountMinor: number;
}

export interface SettleRun {
  /** New ones; empty where nothing was left to settle. */
  readonly settlements: readonly Settlement[];
  readonly unassigned: readonly Unassigned[];
}

interface Due extends BookOf {
  readonly operator: string;
  readonly gates: Map<string, SettledGate>;
}

interface Gathered {
  /** The run before. */
  readonly lastRun: number;
  readonly due: readonly Due[];
  readonly marks: SettledMarks;
  readonly unassigned: readonly Unassigned[];
  /** Up to here no debit is left to settle; null where one is. */
  readonly through: PostedMark | null;
}

/**
 * Settles what no settlement has. Debits of 0 move nothing and are in none. It goes on where the
 * run before had come to; one that leaves debits to no operator is gone over again by the next.
 * @param all whether it begins at the beginning: the ledger was put back from a backup
 * @throws FaregateError STORE_FAILED; CARDS_BROKEN where other runs overtake this one each time.
 */
export async function settleDebits(
  store: CardStore,
  walk: WalkDebits,
  operatorOf: OperatorOf,
  nowMs: number,
  all = false,
): Promise<SettleRun> {
  for (let tries = 0; tries < SETTLEMENT_TRIES_MAX; tries++) {
    const gathered = store.read((reader) => {
      const { debits, through } = walk(all ? null : readMark(reader));
      return { ...gather(reader, debits, operatorOf), through };
    });
    const { unassigned, through } = gathered;
    if (gathered.due.length === 0 && (through === null || unassigned.length > 0)) {
      return { settlements: [], unassigned };
    }
    const settlements = await commit(store, gathered, nowMs);
    if (settlements) return { settlements, unassigned };
  }
  throw new FaregateError('CARDS_BROKEN', 'other settlement runs go on beside this one');
}

function gather(
  reader: CardReader,
  debits: Iterable<PostedDebit>,
  operatorOf: OperatorOf,
): Omit<Gathered, 'through'> {
  const marks = new SettledMarks(reader);
  const due = new Map<string, Due>();
  const unassigned = new Map<string, Unassigned>();
  for (const debit of debits) {
    const { gateId, gateSequence, issuer, currency, amountMinor } = debit;
    if (amountMinor === 0 || marks.has(debit)) continue;
    const operator = operatorOf(gateId);
    if (operator === null) {
      const sum = unassigned.get(gateId) ?? { gateId, debits: 0, amountMinor: 0 };
      unassigned.set(gateId, {
        gateId,
        debits: sum.debits + 1,
        amountMinor: sum.amountMinor + amountMinor,
      });
      continue;
    }
    marks.add(debit);
    const name = `${issuer} ${currency} ${operator}`;
    const of = due.get(name) ?? { issuer, currency, operator, gates: new Map() };
    due.set(name, of);
    const gate = of.gates.get(gateId);
    of.gates.set(gateId, {
      gateId,
      debits: (gate?.debits ?? 0) + 1,
      amountMinor: (gate?.amountMinor ?? 0) + amountMinor,
      firstSequence: Math.min(gate?.firstSequence ?? gateSequence, gateSequence),
      lastSequence: Math.max(gate?.lastSequence ?? gateSequence, gateSequence),
    });
  }
  const lastRun = getRow(reader, 'meta', 'settlementRuns') ?? 0;
  return { lastRun, due: [...due.values()], marks, unassigned: [...unassigned.values()] };
}

/** null where another run came between. */
function commit(store: CardStore, gathered: Gathered, nowMs: number): Promise<Settlement[] | null> {
  return store.transaction((writer) => {
    if ((getRow(writer, 'meta', 'settlementRuns') ?? 0) !== gathered.lastRun) return null;
    if (gathered.unassigned.length === 0 && gathered.through) writeMark(writer, gathered.through);
    if (gathered.due.length === 0) return [];
    const run = gathered.lastRun + 1;
    putRow(writer, 'meta', 'settlementRuns', run);
    gathered.marks.write(writer);
    return gathered.due.map((due) => {
      const settlement = settlementOf(due, run, nowMs);
      const { settlementId, amountMinor } = settlement;
      putRow(writer, 'settlements', settlementId, settlement);
      const posting = { to: 'purses', from: 'operators', amountMinor, why: 'settled' } as const;
      book(writer, settlement, settlementId, [posting], nowMs);
      return settlement;
    });
  });
}

function readMark(reader: CardReader): PostedMark | null {
  const block = getRow(reader, 'meta', 'settledBlock');
  const change = getRow(reader, 'meta', 'settledChange');
  return block === undefined || change === undefined ? null : { block, change };
}

function writeMark(writer: CardWriter, { block, change }: PostedMark): void {
  putRow(writer, 'meta', 'settledBlock', block);
  putRow(writer, 'meta', 'settledChange', change);
}

function settlementOf({ issuer, currency, operator, gates }: Due, run: number, nowMs: number) {
  const sorted = [...gates.values()].sort((a, b) => (a.gateId < b.gateId ? -1 : 1));
  const settlement: Settlement = {
    settlementId: `${run}-${issuer}-${currency}-${operator}`,
    run,
    issuer,
    currency,
    operator,
    debits: sorted.reduce((sum, { debits }) => sum + debits, 0),
    amountMinor: sorted.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
    gates: sorted,
    settledMs: nowMs,
    state: 'due',
    reference: null,
  };
  return settlement;
}

/** The issuer's bank has paid the operator. Told again, nothing changes. */
export function paySettlement(
  store: CardStore,
  settlementId: string,
  reference: string,
  nowMs: number,
): Promise<Settlement | Refused> {
  return store.transaction((writer) => {
    const held = getRow(writer, 'settlements', settlementId);
    if (!held) return refuse('unknownSettlement');
    if (held.state === 'paid') return held;
    const settlement: Settlement = { ...held, state: 'paid', reference };
    putRow(writer, 'settlements', settlementId, settlement);
    const { amountMinor } = held;
    const why = 'operator paid';
    const posting = { to: 'operators', from: 'bank', amountMinor, why } as const;
    book(writer, held, settlementId, [posting], nowMs);
    return settlement;
  });
}

/** Money of the tills was brought to the bank. Told again, nothing changes. */
export function depositCash(
  store: CardStore,
  of: BookOf,
  amountMinor: number,
  reference: string,
  nowMs: number,
): Promise<{ readonly amountMinor: number } | Refused> {
  return store.transaction((writer) => {
    const key = `${of.issuer} ${of.currency} ${reference}`;
    const held = getRow(writer, 'deposits', key);
    if (held !== undefined) {
      return held === amountMinor ? { amountMinor } : refuse('depositDiffers');
    }
    const inTills = getRow(writer, 'accounts', accountKey('cash', of)) ?? 0;
    if (inTills < amountMinor) return refuse('tillsHoldLess');
    putRow(writer, 'deposits', key, amountMinor);
    const posting = { to: 'bank', from: 'cash', amountMinor, why: 'tills to the bank' } as const;
    book(writer, of, reference, [posting], nowMs);
    return { amountMinor };
  });
}

export function allSettlements(reader: CardReader): Settlement[] {
  return [...eachRow(reader, 'settlements')]
    .map(({ row }) => row)
    .sort((a, b) => a.run - b.run || (a.settlementId < b.settlementId ? -1 : 1));
}

/** Name and text of a settlement's file: a line for each gate, and for `*`, all of them. */
export function settlementFile(settlement: Settlement): {
  readonly name: string;
  readonly text: string;
} {
  const { settlementId, run, issuer, currency, operator, debits, amountMinor } = settlement;
  const head =
    'run,issuer,currency,operator,gate_id,debits,amount_minor,first_sequence,last_sequence';
  const start = `${run},${issuer},${currency},${operator}`;
  const lines = settlement.gates.map(
    (gate) =>
      `${start},${gate.gateId},${gate.debits},${gate.amountMinor},` +
      `${gate.firstSequence},${gate.lastSequence}`,
  );
  const total = `${start},*,${debits},${amountMinor},,`;
  return {
    name: `settlement-${settlementId}.csv`,
    text: `${[head, ...lines, total].join('\n')}\n`,
  };
}
