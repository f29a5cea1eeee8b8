/** A small world of cards and gates for random ledger tests: what each gate's journal holds. */
import fc from 'fast-check';
import { DebitState, Evidence } from '../../engine/debit/record.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { CNY, cardOf, received, settlement, torn } from './samples.ts';

export const GATES = ['G01', 'G02', 'G03'] as const;
const CARDS = 3;

export interface Tap {
  readonly card: number;
  readonly gate: number;
  readonly what: TapResult;
  readonly amountMinor: number;
  /** The card is loaded before. */
  readonly load: boolean;
  /** How far the gate's clock is ahead. */
  readonly clockMs: number;
  /** The gate settles the card's last torn debit first. */
  readonly settles: boolean;
  /** The card still proves its last debit to it; else the gate goes by the counter. */
  readonly proves: boolean;
}

/** `clone`, `clash` and `foreign` happen to no honest card. */
type TapResult =
  | 'good'
  | 'tornAfter'
  | 'tornBefore'
  | 'void'
  | 'forged'
  | 'clone'
  | 'clash'
  | 'foreign';

const honest: readonly TapResult[] = ['good', 'good', 'tornAfter', 'tornBefore', 'void', 'forged'];
const dishonest: readonly TapResult[] = [...honest, 'clone', 'clash', 'foreign'];

interface Oddities {
  readonly loads: boolean;
  readonly clocks: boolean;
}

function tapsOf(results: readonly TapResult[], { loads, clocks }: Oddities): fc.Arbitrary<Tap[]> {
  return fc.array(
    fc.record({
      card: fc.nat(CARDS - 1),
      gate: fc.nat(GATES.length - 1),
      what: fc.constantFrom(...results),
      amountMinor: fc.constantFrom(0, 200, 200, 300),
      load: loads ? fc.boolean() : fc.constant(false),
      clockMs: clocks ? fc.constantFrom(0, 0, 0, -90_000, 90_000) : fc.constant(0),
      settles: fc.boolean(),
      proves: fc.boolean(),
    }),
    { maxLength: 40 },
  );
}

/**
 * Cards that are loaded in between, or gates whose clocks are wrong. Where both happen to one
 * counter, nothing is left to tell its torn debits apart by until one of them is settled.
 */
export const honestTaps: fc.Arbitrary<Tap[]> = fc.oneof(
  tapsOf(honest, { loads: true, clocks: false }),
  tapsOf(honest, { loads: false, clocks: true }),
);
export const anyTaps: fc.Arbitrary<Tap[]> = tapsOf(dishonest, { loads: true, clocks: true });

/** An upload of some records of one gate, in order. */
export interface Upload {
  readonly gate: number;
  readonly size: number;
  /** Sends again from this far before what is acknowledged. */
  readonly back: number;
  /** Not awaited before the next one. */
  readonly overlap: boolean;
  /** The store crashes right after it is sent. */
  readonly crash: boolean;
}

export const uploads: fc.Arbitrary<Upload[]> = fc.array(
  fc.record({
    gate: fc.nat(GATES.length - 1),
    size: fc.integer({ min: 1, max: 8 }),
    back: fc.nat(2),
    overlap: fc.boolean(),
    crash: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  }),
  { maxLength: 25 },
);

interface Card {
  readonly hash: Uint8Array;
  counter: number;
  balanceMinor: number;
  paidMinor: number;
  lastTorn: { debit: ReceivedDebit; committed: boolean } | undefined;
}

export interface World {
  /** Each gate's records, in order of sequence. */
  readonly journals: ReadonlyMap<string, readonly ReceivedDebit[]>;
  /** What each card paid by its own account. */
  readonly cards: readonly { readonly hash: Uint8Array; readonly paidMinor: number }[];
}

/** Plays the taps on honest cards. @param closing ends with one good tap of each card. */
export function play(taps: readonly Tap[], closing: boolean): World {
  const cards = Array.from({ length: CARDS }, (_, i): Card => {
    const hash = cardOf(`card ${i}`);
    return { hash, counter: 1, balanceMinor: 50_000, paidMinor: 0, lastTorn: undefined };
  });
  const journals = new Map<string, ReceivedDebit[]>(GATES.map((gate) => [gate, []]));
  const last = { gate: 0, what: 'good', amountMinor: 200, load: false, clockMs: 0 } as const;
  const closingTaps = cards.map((_, card) => ({ ...last, card, settles: false, proves: false }));
  const all = closing ? [...taps, ...closingTaps] : taps;
  for (const [i, tap] of all.entries()) {
    playTap(
      tap,
      1_760_000_000_000 + i * 1000 + tap.clockMs,
      cards[tap.card]!,
      journals.get(GATES[tap.gate]!)!,
    );
  }
  return { journals, cards };
}

function playTap(tap: Tap, instantMs: number, card: Card, journal: ReceivedDebit[]): void {
  const gateId = GATES[tap.gate]!;
  const next = () => ({ gateId, gateSequence: (journal.at(-1)?.gateSequence ?? 0) + 1 });
  if (tap.load) card.balanceMinor += 10_000;
  if (tap.settles && card.lastTorn) {
    const { debit, committed } = card.lastTorn;
    journal.push(settle(debit, committed, tap.proves, card.counter, next()));
    card.lastTorn = undefined;
  }
  const fields = {
    ...next(),
    card: card.hash,
    offlineCounter: card.counter,
    balanceBeforeMinor: card.balanceMinor,
    amountMinor: tap.amountMinor,
    instantMs,
  };
  const commit = () => {
    card.counter++;
    card.balanceMinor -= tap.amountMinor;
    card.paidMinor += tap.amountMinor;
  };
  switch (tap.what) {
    case 'good':
      journal.push(received(fields));
      commit();
      break;
    case 'tornAfter':
    case 'tornBefore': {
      const debit = torn(fields);
      const committed = tap.what === 'tornAfter';
      journal.push(debit);
      card.lastTorn = { debit, committed };
      if (committed) commit();
      break;
    }
    case 'void':
      journal.push(
        received({ ...fields, state: DebitState.void, evidence: Evidence.notSent, tac: 'none' }),
      );
      break;
    case 'forged':
      journal.push(received({ ...fields, tac: 'invalid' }));
      break;
    default:
      journal.push(cheat(tap.what, fields, journal));
  }
}

/** As gates do it: the same counter says void; past it, proof or not, the card committed. */
function settle(
  debit: ReceivedDebit,
  committed: boolean,
  proves: boolean,
  counter: number,
  id: { gateId: string; gateSequence: number },
): ReceivedDebit {
  if (counter === debit.offlineCounter) return settlement(debit, DebitState.void, id);
  if (committed && proves) return settlement(debit, DebitState.confirmed, id);
  const reading = { evidence: Evidence.cardState, tac: 'none' as const };
  return settlement(debit, DebitState.confirmed, { ...reading, ...id });
}

function cheat(
  what: 'clone' | 'clash' | 'foreign',
  fields: Parameters<typeof received>[0],
  journal: readonly ReceivedDebit[],
): ReceivedDebit {
  if (what === 'foreign') return received({ ...fields, currency: CNY + 1 });
  if (what === 'clone') {
    return received({ ...fields, offlineCounter: fields.offlineCounter! - 1, amountMinor: 500 });
  }
  const gateSequence = journal.at(-1)?.gateSequence ?? 1;
  return received({ ...fields, gateSequence, amountMinor: 700 });
}
