/**
 * A small world of bank cards for random ledger tests: taps at gates with e-cash and with open
 * loop, and between them shops, loads and declines elsewhere, of which no record comes.
 */
import fc from 'fast-check';
import {
  DebitState,
  ECASH_TRANSACTION,
  Evidence,
  OPEN_LOOP_TRANSACTION,
} from '../../engine/debit/record.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { cardOf, received, settlement, torn } from './samples.ts';
import { GATES } from './world.ts';

const CARDS = 3;
/** No sum of a few is an amount of a fare. */
const SHOP_MINOR = 7;
const LOAD_MINOR = 10_000;

const honest = [
  'good',
  'good',
  'passed',
  'tornAfter',
  'tornBefore',
  'void',
  'openLoop',
  'openLoopTorn',
  'openLoopCut',
  'shop',
  'declined',
  'load',
] as const;
const dishonest = [
  ...honest,
  'forged',
  'tornForged',
  'unproved',
  'clone',
  'rival',
  'foreign',
] as const;
type BankResult = (typeof dishonest)[number];

export interface BankTap {
  readonly card: number;
  readonly gate: number;
  readonly what: BankResult;
  readonly amountMinor: number;
  /** The card tells its balance to this gate. */
  readonly tells: boolean;
  /** The gate settles the card's last torn debit first. */
  readonly settles: boolean;
}

function tapsOf(results: readonly BankResult[], tells: fc.Arbitrary<boolean>) {
  return fc.array(
    fc.record({
      card: fc.nat(CARDS - 1),
      gate: fc.nat(GATES.length - 1),
      what: fc.constantFrom(...results),
      amountMinor: fc.constantFrom(0, 200, 200, 300),
      tells,
      settles: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
    { minLength: 20, maxLength: 40 },
  );
}

const seldomMute = fc.integer({ min: 0, max: 5 }).map((n) => n > 0);
export const honestBankTaps: fc.Arbitrary<BankTap[]> = tapsOf(honest, seldomMute);
export const anyBankTaps: fc.Arbitrary<BankTap[]> = tapsOf(dishonest, seldomMute);

interface BankCard {
  readonly hash: Uint8Array;
  atc: number;
  balanceMinor: number;
  lastTorn: { debit: ReceivedDebit; committed: boolean } | undefined;
}

export interface BankWorld {
  readonly journals: ReadonlyMap<string, readonly ReceivedDebit[]>;
  /** Whether the card committed, by `gate/sequence` of each debit that no settlement speaks of. */
  readonly committed: ReadonlyMap<string, boolean>;
}

export function playBank(taps: readonly BankTap[]): BankWorld {
  const cards = Array.from({ length: CARDS }, (_, i): BankCard => {
    const hash = cardOf(`bank card ${i}`);
    return { hash, atc: 0x20a, balanceMinor: 50_000, lastTorn: undefined };
  });
  const journals = new Map<string, ReceivedDebit[]>(GATES.map((gate) => [gate, []]));
  const committed = new Map<string, boolean>();
  for (const [i, tap] of taps.entries()) {
    const card = cards[tap.card]!;
    card.atc++;
    if (tap.what === 'shop') card.balanceMinor -= SHOP_MINOR;
    else if (tap.what === 'load') card.balanceMinor += LOAD_MINOR;
    else if (tap.what !== 'declined') {
      const journal = journals.get(GATES[tap.gate]!)!;
      playTap(tap, 1_760_000_000_000 + i * 1000, card, journal, committed);
    }
  }
  return { journals, committed };
}

function playTap(
  tap: BankTap,
  instantMs: number,
  card: BankCard,
  journal: ReceivedDebit[],
  committed: Map<string, boolean>,
): void {
  const gateId = GATES[tap.gate]!;
  const next = () => ({ gateId, gateSequence: (journal.at(-1)?.gateSequence ?? 0) + 1 });
  if (tap.settles && card.lastTorn) {
    const { debit, committed: took } = card.lastTorn;
    const state = took ? DebitState.confirmed : DebitState.void;
    const reading = { evidence: Evidence.cardState, tac: 'none' } as const;
    journal.push(settlement(debit, state, { ...reading, ...next() }));
    card.lastTorn = undefined;
  }
  const openLoop = tap.what.startsWith('openLoop');
  const fields = {
    ...next(),
    card: card.hash,
    transactionType: openLoop ? OPEN_LOOP_TRANSACTION : ECASH_TRANSACTION,
    offlineCounter: card.atc,
    balanceBeforeMinor: openLoop || !tap.tells ? 0 : card.balanceMinor,
    amountMinor: openLoop ? 0 : tap.amountMinor,
    instantMs,
  };
  const debit = debitOf(tap.what, fields);
  const took = tap.what === 'tornAfter' || ['good', 'passed'].includes(tap.what);
  if (took) card.balanceMinor -= fields.amountMinor;
  if (tap.what.startsWith('torn')) card.lastTorn = { debit, committed: took };
  committed.set(`${debit.gateId}/${debit.gateSequence}`, took);
  journal.push(debit);
}

type Fields = Parameters<typeof received>[0] & { readonly offlineCounter: number };

function debitOf(what: BankResult, fields: Fields): ReceivedDebit {
  switch (what) {
    case 'tornAfter':
    case 'tornBefore':
      // The cryptogram came before the card left.
      return torn({ ...fields, tac: 'valid' });
    case 'openLoopTorn':
      return torn({ ...fields, tac: 'passedThrough' });
    case 'openLoopCut':
      return torn(fields);
    case 'void':
      return received({
        ...fields,
        state: DebitState.void,
        evidence: Evidence.notSent,
        tac: 'none',
      });
    case 'passed':
    case 'openLoop':
      return received({ ...fields, tac: 'passedThrough' });
    case 'forged':
      return received({ ...fields, tac: 'invalid' });
    case 'tornForged':
      return torn({ ...fields, tac: 'invalid' });
    case 'unproved':
      return received({ ...fields, tac: 'noEvidence' });
    case 'clone':
      return received({ ...fields, offlineCounter: fields.offlineCounter - 1, amountMinor: 500 });
    case 'rival':
      return torn({ ...fields, offlineCounter: fields.offlineCounter - 1 });
    case 'foreign':
      return torn({ ...fields, currency: 344 });
    default:
      return received(fields);
  }
}
