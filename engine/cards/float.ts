/**
 * The float: what an issuer's bank holds for its cards and for debits that are not settled. The
 * issuer's books know what went to cards and what was settled; the cards and the ledger know what
 * is on them and what was spent. `checkFloats` proves that the two say the same:
 *
 *     float = on live cards + posted and not settled - debits that no live card here bears
 *
 * and that every settled debit is in the ledger and was settled once.
 */
import { allBalances, type Balances, type BookOf } from './books.ts';
import type { PostedDebit } from './ledger-debits.ts';
import type { SpentOfCard } from './ledger-evidence.ts';
import type { CardAccount } from './model.ts';
import { type CardReader, type CardStore, eachRow } from './rows.ts';
import { allSettlements } from './settle.ts';
import { countMarks, SettledMarks } from './settled-marks.ts';

/** What the ledger has, of one state of it. */
export interface LedgerSpending {
  /** Posted debits of an issuer, presumed ones included; of every issuer and currency. */
  readonly issuers: readonly (BookOf & { readonly spentMinor: number })[];
  readonly spentOf: (card: string, currency: number) => SpentOfCard;
  /** Its final debits. */
  readonly debits: () => Iterable<PostedDebit>;
}

export interface FloatPosition extends BookOf {
  /** What the books say that the bank has to hold for cards and unsettled debits. */
  readonly floatMinor: number;
  /** Loads of live cards less their debits in the ledger. */
  readonly onCardsMinor: number;
  readonly spentMinor: number;
  readonly settledMinor: number;
  readonly unsettledMinor: number;
  /** Settled, and the operator is not paid yet. */
  readonly dueMinor: number;
  /** Debits of replaced cards that came after their balance had gone to another card. */
  readonly lateMinor: number;
  /** Debits of cards that were not issued here. */
  readonly unissuedMinor: number;
  readonly bankMinor: number;
  readonly tillsMinor: number;
  /** All that the bank has to pay out one day and does not hold: tills to be brought to it. */
  readonly shortMinor: number;
}

export interface FloatReport {
  readonly positions: readonly FloatPosition[];
  /** What does not add up; empty in sound books. */
  readonly findings: readonly string[];
  /** What people look at: late debits, cards loaded elsewhere. */
  readonly notices: readonly string[];
}

interface Sums {
  onCardsMinor: number;
  lateMinor: number;
  issuedMinor: number;
}

function bookName({ issuer, currency }: BookOf): string {
  return `${issuer} ${currency}`;
}

/** Adds up floats, cards, ledger and settlements, on one state of the card accounts. */
export function checkFloats(store: CardStore, ledger: LedgerSpending): FloatReport {
  return store.read((reader) => {
    const findings: string[] = [];
    const notices: string[] = [];
    const sums = sumCards(reader, ledger, notices);
    const books = new Map(allBalances(reader).map((each) => [bookName(each), each]));
    const spent = new Map(ledger.issuers.map((each) => [bookName(each), each]));
    const settled = sumSettlements(reader);
    checkMarks(reader, ledger.debits(), settled, findings);
    const all = new Map<string, BookOf>([...spent, ...books, ...sums.ofs]);
    const positions = [...all].sort().map(([name, { issuer, currency }]) => {
      const of = { issuer, currency };
      return position(of, books.get(name), sums.sums.get(name), {
        spentMinor: spent.get(name)?.spentMinor ?? 0,
        ...(settled.get(name) ?? { settledMinor: 0, dueMinor: 0 }),
      });
    });
    for (const each of positions) checkPosition(each, sums.sums.has(bookName(each)), findings);
    for (const each of positions) tellPosition(each, notices);
    return { positions, findings, notices };
  });
}

/** What each card was loaded with, less what went from it to another card. */
function sumCards(reader: CardReader, ledger: LedgerSpending, notices: string[]) {
  const transferred = new Map<string, number>();
  const open = new Map<string, number>();
  for (const { row } of eachRow(reader, 'orders')) {
    if (row.funding?.source === 'transfer') {
      const { reference } = row.funding;
      transferred.set(reference, (transferred.get(reference) ?? 0) + row.amountMinor);
    }
    open.set(row.orderId, row.amountMinor);
  }
  const sums = new Map<string, Sums>();
  const ofs = new Map<string, BookOf>();
  for (const { row: card } of eachRow(reader, 'cards')) {
    const name = bookName(card);
    const sum = sums.get(name) ?? { onCardsMinor: 0, lateMinor: 0, issuedMinor: 0 };
    sums.set(name, sum);
    ofs.set(name, { issuer: card.issuer, currency: card.currency });
    const spent = ledger.spentOf(card.card, card.currency);
    const left = card.everLoadedMinor - (transferred.get(card.card) ?? 0) - spent.postedMinor;
    sum.issuedMinor += spent.postedMinor;
    if (card.standing === 'replaced') {
      sum.lateMinor -= left;
      continue;
    }
    sum.onCardsMinor += left;
    if (left < 0) notices.push(`card ..${card.lastDigits}: spent ${-left} more than its loads`);
    const pending = card.openOrder === null ? 0 : (open.get(card.openOrder) ?? 0);
    checkHead(card, spent, pending, notices);
  }
  return { sums, ofs };
}

/** A card whose debits are all here tells by the last one what it was loaded with before it. */
function checkHead(
  { lastDigits, everLoadedMinor }: CardAccount,
  { debits, postedMinor, head }: SpentOfCard,
  pendingMinor: number,
  notices: string[],
): void {
  if (head === null || debits !== head.offlineCounter + 1) return;
  const over = head.balanceAfterMinor + postedMinor - everLoadedMinor - pendingMinor;
  if (over > 0) notices.push(`card ..${lastDigits}: holds ${over} more than it was loaded with`);
}

/** What was settled of each issuer and currency, `issuer currency`, and of it what is not paid. */
export function sumSettlements(
  reader: CardReader,
): Map<string, { settledMinor: number; dueMinor: number }> {
  const sums = new Map<string, { settledMinor: number; dueMinor: number }>();
  for (const settlement of allSettlements(reader)) {
    const sum = sums.get(bookName(settlement)) ?? { settledMinor: 0, dueMinor: 0 };
    sum.settledMinor += settlement.amountMinor;
    if (settlement.state === 'due') sum.dueMinor += settlement.amountMinor;
    sums.set(bookName(settlement), sum);
  }
  return sums;
}

/** Marks, settlements and the ledger's debits against each other. */
function checkMarks(
  reader: CardReader,
  debits: Iterable<PostedDebit>,
  settled: ReadonlyMap<string, { readonly settledMinor: number }>,
  findings: string[],
): void {
  const marks = new SettledMarks(reader);
  const found = new Map<string, number>();
  let count = 0;
  for (const debit of debits) {
    if (debit.amountMinor === 0 || !marks.has(debit)) continue;
    count++;
    const name = bookName(debit);
    found.set(name, (found.get(name) ?? 0) + debit.amountMinor);
  }
  const marked = countMarks(reader);
  if (marked !== count)
    findings.push(`${marked} debits are settled, the ledger has ${count} of them`);
  const listed = allSettlements(reader).reduce((sum, each) => sum + each.debits, 0);
  if (marked !== listed) findings.push(`${marked} debits are settled, settlements list ${listed}`);
  for (const name of new Set([...settled.keys(), ...found.keys()])) {
    const [said, is] = [settled.get(name)?.settledMinor ?? 0, found.get(name) ?? 0];
    if (said !== is) findings.push(`${name}: ${said} are settled, of debits that come to ${is}`);
  }
}

function position(
  of: BookOf,
  books: Balances | undefined,
  sums: Sums | undefined,
  ledger: { spentMinor: number; settledMinor: number; dueMinor: number },
): FloatPosition {
  const {
    bank = 0,
    cash = 0,
    stock = 0,
    orders = 0,
    purses = 0,
    refunds = 0,
  } = books?.balances ?? {};
  const { spentMinor, settledMinor, dueMinor } = ledger;
  // What lies on cards in the drawer was paid out: nobody is owed it.
  const owedMinor = -purses - stock + dueMinor - orders - refunds;
  return {
    ...of,
    floatMinor: -purses,
    onCardsMinor: sums?.onCardsMinor ?? 0,
    spentMinor,
    settledMinor,
    unsettledMinor: spentMinor - settledMinor,
    dueMinor,
    lateMinor: sums?.lateMinor ?? 0,
    unissuedMinor: spentMinor - (sums?.issuedMinor ?? 0),
    bankMinor: bank,
    tillsMinor: cash,
    shortMinor: Math.max(0, owedMinor - bank),
  };
}

function checkPosition(of: FloatPosition, hasCards: boolean, findings: string[]): void {
  const { floatMinor, onCardsMinor, unsettledMinor, lateMinor, unissuedMinor } = of;
  const name = bookName(of);
  const expected = onCardsMinor + unsettledMinor - lateMinor - unissuedMinor;
  if (floatMinor !== expected) {
    findings.push(`${name}: the float is ${floatMinor}, cards and ledger say ${expected}`);
  }
  if (unsettledMinor < 0) findings.push(`${name}: more is settled than was spent`);
  if (hasCards && unissuedMinor < 0) findings.push(`${name}: its cards' debits name other issuers`);
}

function tellPosition(of: FloatPosition, notices: string[]): void {
  const name = bookName(of);
  if (of.lateMinor > 0) notices.push(`${name}: ${of.lateMinor} spent with cards replaced before`);
  if (of.unissuedMinor > 0) {
    notices.push(`${name}: ${of.unissuedMinor} spent with cards that were not issued here`);
  }
}
