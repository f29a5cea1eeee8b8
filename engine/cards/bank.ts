/**
 * The bank's own word on what it took for orders: a line for each debit, `order,amount,reference`
 * with the amount in minor units. Each is told to the load host again, so that no debit remains
 * that the host never heard of (Octopus, 2000 to 2006: 15,270 of them).
 */
import { FaregateError } from '../errors.ts';
import { CARD_REFERENCE_LENGTH_MAX } from '../limits.ts';

import { ORDER_ID_PATTERN } from './messages.ts';
import type { OrderDesk } from './order-desk.ts';
import type { CardStore } from './rows.ts';
import { getRow } from './rows.ts';

export interface BankDebit {
  readonly orderId: string;
  readonly amountMinor: number;
  readonly reference: string;
}

export interface StatementReport {
  /** Debits the host had not heard of, or heard twice: funded, or on their way back. */
  readonly told: readonly BankDebit[];
  /** Known before. */
  readonly known: number;
  /** Of no order, or of another amount than the order's: the bank has to be asked. */
  readonly disputed: readonly BankDebit[];
}

const LINE = new RegExp(
  `^(${ORDER_ID_PATTERN.slice(1, -1)}),(\\d{1,10}),([ -+\\--~]{1,${CARD_REFERENCE_LENGTH_MAX}})$`,
);

/** @throws FaregateError CONFIG_INVALID naming file and line. */
export function parseStatement(text: string, what: string): BankDebit[] {
  const debits: BankDebit[] = [];
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || (at === 0 && /^order/i.test(line))) continue;
    const match = LINE.exec(line);
    if (!match) {
      const wanted = 'a line is order,amount in minor units,reference';
      throw new FaregateError('CONFIG_INVALID', `${what}:${at + 1}: ${wanted}`);
    }
    debits.push({ orderId: match[1]!, amountMinor: Number(match[2]), reference: match[3]! });
  }
  return debits;
}

export async function reconcileStatement(
  store: CardStore,
  orders: OrderDesk,
  debits: readonly BankDebit[],
): Promise<StatementReport> {
  const told: BankDebit[] = [];
  const disputed: BankDebit[] = [];
  let known = 0;
  for (const debit of debits) {
    const { orderId, amountMinor, reference } = debit;
    const order = store.read((reader) => getRow(reader, 'orders', orderId));
    if (order?.amountMinor !== amountMinor) {
      disputed.push(debit);
      continue;
    }
    const funding = order.funding;
    const again = store.read((reader) => getRow(reader, 'refunds', `${orderId}+${reference}`));
    if (again || (funding?.source === 'bank' && funding.reference === reference)) {
      known++;
      continue;
    }
    await orders.fund(orderId, { source: 'bank', reference });
    told.push(debit);
  }
  return { told, known, disputed };
}
