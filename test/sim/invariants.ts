/**
 * What must hold after every run, whatever went wrong in it: checked from the cards' side, which
 * neither gate nor engine can see.
 */
import { toHex } from '../../engine/bytes.ts';
import { OPEN_LOOP_TRANSACTION } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import type { UnconfirmedItem } from '../../engine/ledger/ledger.ts';
import type { CardTotal } from '../../engine/ledger/totals.ts';
import { hashCard } from '../../engine/operator/engine.ts';
import { type Decision, debitIn } from '../../engine/tap/decision.ts';
import type { SimApplication } from './applications.ts';
import { checkBanks } from './bank-check.ts';
import type { SimCard } from './cards.ts';
import type { EngineNode } from './engine-node.ts';
import type { StationNode } from './station-node.ts';
import type { SimProcess } from './virtual-time.ts';

/** One gate's word that it opened, and on which debit. */
export interface Opening {
  readonly gateId: string;
  readonly gateSequence: number;
  readonly transactionType: number;
  readonly offlineCounter: number;
  /** Of the card, in hexadecimal. */
  readonly cardNumber: string;
}

/** Sees what everybody promised while the run goes on. */
export class Witness {
  readonly violations: string[] = [];
  readonly openings: Opening[] = [];
  readonly #acknowledged = new Map<string, number>();
  /** Debits that a gate opened for at once. */
  readonly #opened = new Set<string>();
  /** Debits on which a rider who had come back was let through, by the process that did. */
  readonly #recovered = new WeakMap<SimProcess, Set<string>>();

  broken(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  /** @param process of the gate */
  gateOpened(gateId: string, decision: Decision, process: SimProcess): void {
    // Who comes back after a torn debit goes through on that one.
    const isRecovered = decision.reason === 'recovered';
    const debit = isRecovered ? decision.settled : debitIn(decision);
    if (!debit) {
      this.broken(`${gateId} opened without a debit`);
      return;
    }
    const { gateSequence, transactionType, offlineCounter } = debit;
    const cardNumber = toHex(debit.cardNumber);
    const id = { gateId: debit.gateId, gateSequence };
    this.openings.push({ ...id, transactionType, offlineCounter, cardNumber });
    const name = `${debit.gateId}/${gateSequence}`;
    if (!isRecovered) {
      if (this.#opened.has(name)) this.broken(`${gateId} opened twice for ${name}`);
      this.#opened.add(name);
      return;
    }
    const recovered = this.#recovered.get(process) ?? new Set();
    this.#recovered.set(process, recovered);
    if (recovered.has(name)) this.broken(`${gateId} opened for ${name}, settled before`);
    recovered.add(name);
  }

  acknowledged(gateId: string, through: number): void {
    this.#acknowledged.set(gateId, Math.max(through, this.acknowledgedOf(gateId)));
  }

  acknowledgedOf(gateId: string): number {
    return this.#acknowledged.get(gateId) ?? 0;
  }
}

/**
 * Checks a run that has been drained; the witness hears of everything that does not hold.
 * @returns debits of bank cards that stay open, for the card was not seen again.
 */
export function checkRun(
  witness: Witness,
  engine: EngineNode,
  stations: readonly StationNode[],
  cards: readonly SimCard[],
): number {
  checkGates(witness, engine, stations);
  checkCards(witness, engine, cards);
  checkOpenings(witness, cards);
  const openBanks = checkBanks(witness, engine, cards);
  const { findings, open } = checkLedger(engine.store);
  for (const finding of findings) witness.broken(`ledger check: ${finding}`);
  if (open.sequenceGap > 0) witness.broken(`${open.sequenceGap} sequences are missing`);
  if (open.settlementUnknown > 0) {
    witness.broken(`${open.settlementUnknown} settlements wait for a debit nobody has`);
  }
  const { exceptions } = engine.ledger.summary();
  for (const [code, count] of Object.entries(exceptions)) {
    if (count > 0) witness.broken(`${count} exceptions ${code} from honest cards and gates`);
  }
  return openBanks;
}

/** Every sequence a gate gave out is held; nothing acknowledged and no opening is lost. */
function checkGates(witness: Witness, engine: EngineNode, stations: readonly StationNode[]): void {
  for (const station of stations) {
    const standing = station.gates.map(({ gateId }) => {
      return { gateId, last: station.nextSequenceOf(gateId) - 1 };
    });
    const retired = station.retired.map(({ gateId, through }) => ({ gateId, last: through }));
    for (const { gateId, last } of [...standing, ...retired]) {
      const held = engine.ledger.acknowledgedThrough(gateId);
      if (held !== last) witness.broken(`${gateId}: ledger through ${held}, journal ${last}`);
      const told = witness.acknowledgedOf(gateId);
      if (held < told) witness.broken(`${gateId}: acknowledged ${told}, holds ${held}`);
      for (const opening of witness.openings) {
        if (opening.gateId === gateId && opening.gateSequence > held) {
          witness.broken(`${gateId} opened for ${opening.gateSequence}, which nobody holds`);
        }
      }
    }
  }
}

/** A gate opens only for a debit that its card made; of taps charged later it makes none. */
function checkOpenings(witness: Witness, cards: readonly SimCard[]): void {
  const made = new Set<string>();
  for (const { applications } of cards) {
    for (const { cardNumber, committed } of applications) {
      const number = toHex(cardNumber);
      for (const { offlineCounter } of committed) made.add(`${number} ${offlineCounter}`);
    }
  }
  for (const opening of witness.openings) {
    const { gateId, gateSequence, cardNumber, offlineCounter, transactionType } = opening;
    if (transactionType === OPEN_LOOP_TRANSACTION) continue;
    if (made.has(`${cardNumber} ${offlineCounter}`)) continue;
    witness.broken(`${gateId} opened for ${gateSequence}, which its card did not make`);
  }
}

function checkCards(witness: Witness, engine: EngineNode, cards: readonly SimCard[]): void {
  const unconfirmed = new Map<string, UnconfirmedItem[]>();
  for (const item of engine.ledger.unconfirmed({ limit: 200 })) {
    const card = toHex(item.card);
    unconfirmed.set(card, [...(unconfirmed.get(card) ?? []), item]);
  }
  const known = new Set<string>();
  for (const { index, applications, paying } of cards) {
    for (const application of applications) {
      const hash = hashCard(engine.hashKey, application.cardNumber);
      known.add(toHex(hash));
      const { committed } = application;
      const { initialMinor, loadedMinor, balanceMinor } = application.money;
      const goneMinor = committed.reduce((sum, one) => sum + one.amountMinor, 0);
      if (initialMinor + loadedMinor - balanceMinor !== goneMinor) {
        witness.broken(`card ${index}: ${goneMinor} debited, ${balanceMinor} left on it`);
      }
      if (application !== paying && committed.length > 0) {
        witness.broken(`card ${index}: paid by ${application.family}, not ${paying.family}`);
      }
      // Those of bank cards are looked at one by one.
      if (application.family === 'bank') continue;
      const totals = [...engine.ledger.cardTotals([hash])];
      checkPosted(witness, index, application, totals, unconfirmed.get(toHex(hash)) ?? []);
    }
  }
  for (const total of engine.ledger.cardTotals()) {
    if (!known.has(toHex(total.card))) witness.broken('debits of a card that does not exist');
  }
}

/**
 * What left a card is what the ledger posted for it, to the last fen. A debit whose rider never
 * came back may be unconfirmed still: it is known by name, and nothing else is.
 */
function checkPosted(
  witness: Witness,
  index: number,
  application: SimApplication,
  totals: readonly CardTotal[],
  unconfirmed: readonly UnconfirmedItem[],
): void {
  const posted = totals.reduce((sum, total) => sum + total.debits, 0);
  const postedMinor = totals.reduce((sum, total) => sum + total.postedMinor, 0);
  const waiting = unconfirmed.filter((one) => one.presumed === null);
  // Only the newest debits can be in the dark: one that is known bears out all before it.
  let committed = application.committed.length;
  let committedMinor = application.committed.reduce((sum, one) => sum + one.amountMinor, 0);
  for (const { offlineCounter, amountMinor } of application.committed.toReversed()) {
    if (!waiting.some((one) => one.offlineCounter === offlineCounter)) break;
    committed -= 1;
    committedMinor -= amountMinor;
  }
  if (posted !== committed || postedMinor !== committedMinor) {
    witness.broken(
      `card ${index}: committed ${committed} debits of ${committedMinor} minor units, ` +
        `posted ${posted} of ${postedMinor}`,
    );
  }
}
