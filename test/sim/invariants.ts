/**
 * What must hold after every run, whatever went wrong in it: checked from the cards' side, which
 * neither gate nor engine can see.
 */
import { toHex } from '../../engine/bytes.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import type { CardTotal } from '../../engine/ledger/totals.ts';
import { hashCard } from '../../engine/operator/engine.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import type { SimCard } from './cards.ts';
import type { EngineNode } from './engine-node.ts';
import type { StationNode } from './station-node.ts';

/** One gate's word that it opened, and on which debit. */
interface Opening {
  readonly gateId: string;
  readonly gateSequence: number;
}

/** Sees what everybody promised while the run goes on. */
export class Witness {
  readonly violations: string[] = [];
  readonly openings: Opening[] = [];
  readonly #acknowledged = new Map<string, number>();

  broken(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  gateOpened(gateId: string, decision: Decision): void {
    // Who comes back after a torn debit goes through on that one.
    const debit = decision.reason === 'recovered' ? decision.settled : decision.closed.at(-1);
    if (!debit) this.broken(`${gateId} opened without a debit`);
    else this.openings.push({ gateId: debit.gateId, gateSequence: debit.gateSequence });
  }

  acknowledged(gateId: string, through: number): void {
    this.#acknowledged.set(gateId, Math.max(through, this.acknowledgedOf(gateId)));
  }

  acknowledgedOf(gateId: string): number {
    return this.#acknowledged.get(gateId) ?? 0;
  }
}

/** Checks a run that has been drained; the witness hears of everything that does not hold. */
export function checkRun(
  witness: Witness,
  engine: EngineNode,
  stations: readonly StationNode[],
  cards: readonly SimCard[],
): void {
  checkGates(witness, engine, stations);
  checkCards(witness, engine, cards);
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

/**
 * What left a card is what the ledger posted for it, to the last fen. A debit whose rider never
 * came back may be unconfirmed still: it is known by name, and nothing else is.
 */
function checkCards(witness: Witness, engine: EngineNode, cards: readonly SimCard[]): void {
  const unconfirmed = new Map<string, { offlineCounter: number; presumed: string | null }[]>();
  for (const item of engine.ledger.unconfirmed({ limit: 200 })) {
    const card = toHex(item.card);
    unconfirmed.set(card, [...(unconfirmed.get(card) ?? []), item]);
  }
  const known = new Set<string>();
  for (const card of cards) {
    const hash = hashCard(engine.hashKey, card.cardNumber);
    known.add(toHex(hash));
    const totals: CardTotal[] = [...engine.ledger.cardTotals([hash])];
    const posted = totals.reduce((sum, total) => sum + total.debits, 0);
    const postedMinor = totals.reduce((sum, total) => sum + total.postedMinor, 0);
    const waiting = (unconfirmed.get(toHex(hash)) ?? []).filter((one) => one.presumed === null);
    // Only the newest debits can be in the dark: one that is known bears out all before it.
    let committed = card.committed.length;
    let committedMinor = card.committed.reduce((sum, one) => sum + one.amountMinor, 0);
    for (const { offlineCounter, amountMinor } of card.committed.toReversed()) {
      if (!waiting.some((one) => one.offlineCounter === offlineCounter)) break;
      committed -= 1;
      committedMinor -= amountMinor;
    }
    const { initialMinor, loadedMinor, balanceMinor } = card.money;
    const goneMinor = card.committed.reduce((sum, one) => sum + one.amountMinor, 0);
    if (initialMinor + loadedMinor - balanceMinor !== goneMinor) {
      witness.broken(`card ${card.index}: ${goneMinor} debited, ${balanceMinor} left on it`);
    }
    if (posted !== committed || postedMinor !== committedMinor) {
      witness.broken(
        `card ${card.index}: committed ${committed} debits of ${committedMinor} minor units, ` +
          `posted ${posted} of ${postedMinor}`,
      );
    }
  }
  for (const total of engine.ledger.cardTotals()) {
    if (!known.has(toHex(total.card))) witness.broken('debits of a card that does not exist');
  }
}
