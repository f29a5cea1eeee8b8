/** `faregate-engine cards reconcile`: what time decides, what the bank says, whether it adds up. */
import { parseStatement, reconcileStatement, type StatementReport } from '../cards/bank.ts';
import type { Balances } from '../cards/books.ts';
import { sumSettlements } from '../cards/float.ts';
import { cardsInDoubt, spentOf, spentOfIssuers } from '../cards/ledger-spending.ts';
import type { OrderDesk } from '../cards/order-desk.ts';
import { checkCards, sweep } from '../cards/reconcile.ts';
import type { CardStore } from '../cards/rows.ts';
import { FaregateError } from '../errors.ts';
import { BANK_STATEMENT_BYTES_MAX } from '../limits.ts';
import { readText } from '../pki/files.ts';
import { besideLedger, foundOffice, officeOptions } from './cards-office.ts';
import type { Args, Command, Io } from './command.ts';

export const cardsReconcileCommand: Command = {
  name: 'cards reconcile',
  about: 'Refunds what waited too long, hears the bank, and adds everything up again.',
  options: {
    ...officeOptions,
    bank: {
      type: 'string',
      value: 'FILE',
      about: "the bank's debits: order,amount,reference a line",
    },
  },
  run: reconcile,
};

/** An issuer's money and what it stands for. */
interface Position extends Balances {
  /** What gates debited of its purses, as the ledger has it; and of it what was settled. */
  readonly spentMinor: number;
  readonly settledMinor: number;
  /** What cards still hold of it. */
  readonly onCardsMinor: number;
}

function reconcile(args: Args, io: Io): Promise<number> {
  return foundOffice(args, io, async ({ store, orders }) => {
    const file = args.text('bank');
    let statement: StatementReport | null = null;
    if (file !== undefined) {
      const debits = parseStatement(await readText(file, BANK_STATEMENT_BYTES_MAX), file);
      statement = await reconcileStatement(store, orders, debits);
    }
    const byLedger = await settleByLedger(args.need('data'), store, orders);
    const swept = await sweep(store, Date.now());
    const report = checkCards(store);
    const positions = await positionsOf(args.need('data'), store, report.books);
    const { books: _, ...rest } = report;
    if (args.flag('json'))
      io.out(JSON.stringify({ swept, byLedger, statement, positions, ...rest }));
    else {
      io.out(`${report.cards} cards, ${report.orders} orders`);
      for (const position of positions) io.out(describePosition(position));
      for (const { state, orders: count, amountMinor } of report.open) {
        io.out(`  ${state}: ${count} orders, ${amountMinor}`);
      }
      for (const orderId of byLedger) io.out(`order ${orderId}: settled by later debits`);
      for (const { orderId } of report.unknown) io.out(`order ${orderId}: present its card`);
      for (const { refundId, amountMinor, funding } of report.refundsDue) {
        io.out(`refund ${refundId}: pay ${amountMinor} back, by ${funding.source}`);
      }
      for (const { orderId } of statement?.disputed ?? [])
        io.out(`bank: no such debit: ${orderId}`);
      for (const { code, subject } of report.exceptions) io.out(`exception ${code}: ${subject}`);
      io.out(report.findings.length === 0 ? 'the accounts add up' : 'the accounts disagree');
    }
    if (report.findings.length === 0) return 0;
    throw new FaregateError('CARDS_BROKEN', report.findings.join('; '));
  });
}

/** Ids of the open orders that debits uploaded since have settled. */
async function settleByLedger(
  dataDir: string,
  store: CardStore,
  desk: OrderDesk,
): Promise<readonly string[]> {
  const { unknown } = checkCards(store);
  if (unknown.length === 0) return [];
  const spent = await besideLedger(dataDir, (ledger) => {
    const doubtful = cardsInDoubt(ledger);
    return unknown
      .filter(({ card }) => !doubtful.has(card))
      .map(({ orderId, card, currency }) => ({ orderId, of: spentOf(ledger, card, currency) }));
  });
  const settled: string[] = [];
  for (const { orderId, of } of spent ?? []) {
    const order = await desk.settleByLedger(orderId, of);
    if ('refused' in order || order.state === 'unknown' || order.state === 'authorised') continue;
    settled.push(orderId);
  }
  return settled;
}

async function positionsOf(
  dataDir: string,
  store: CardStore,
  books: readonly Balances[],
): Promise<Position[]> {
  const accounts = (await besideLedger(dataDir, (ledger) => ledger.summary().accounts)) ?? [];
  const spent = spentOfIssuers(accounts);
  const settled = store.read(sumSettlements);
  return books.map((of) => {
    const { issuer, currency } = of;
    const spentMinor =
      spent.find((each) => each.issuer === issuer && each.currency === currency)?.spentMinor ?? 0;
    const settledMinor = settled.get(`${issuer} ${currency}`)?.settledMinor ?? 0;
    const onCardsMinor = -of.balances.purses - (spentMinor - settledMinor);
    return { ...of, spentMinor, settledMinor, onCardsMinor };
  });
}

function describePosition({
  issuer,
  currency,
  balances,
  spentMinor,
  settledMinor,
  onCardsMinor,
}: Position): string {
  const { bank, cash, stock, orders, refunds, operators, loss } = balances;
  return (
    `issuer ${issuer} (currency ${currency}): bank ${bank}, tills ${cash}, stock ${stock}; ` +
    `on cards ${onCardsMinor}, spent ${spentMinor}, on its way ${-orders}, refunds ${-refunds}` +
    (settledMinor === 0 ? '' : `, settled ${settledMinor}, due to operators ${-operators}`) +
    (loss === 0 ? '' : `, lost ${loss}`)
  );
}
