/**
 * `faregate-engine cards ...`: issuing, and the life of a card and of the money for it. What drives
 * a card through a load is `faregate-gate load`, which asks `cards serve`.
 */
import { isHex } from '../bytes.ts';
import { builtInProfileNames } from '../card/purse/profiles.ts';
import { spentOf } from '../cards/ledger-spending.ts';
import { type CardAccount, type Funding, type LoadOrder, refuse } from '../cards/model.ts';
import { type CardStep, cardSteps } from '../cards/register.ts';
import { getRow, ordersOf } from '../cards/rows.ts';
import { CARD_SEEN_FRESH_MS } from '../durations.ts';
import { FaregateError } from '../errors.ts';
import { floatCommands } from './cards-float.ts';
import {
  besideLedger,
  foundOffice,
  granted,
  inOffice,
  numberOption,
  officeOptions,
  orderIdFrom,
  orderOption,
  referenceFrom,
  tell,
} from './cards-office.ts';
import { cardsReconcileCommand } from './cards-reconcile.ts';
import { cardsServeCommand } from './cards-serve.ts';
import type { Args, Command, Io, Option } from './command.ts';

const AMOUNT_MAX = 0x7fff_ffff;
const CNY = 156;
const DAY_MS = 86_400_000;

const bank: Option = { type: 'string', value: 'REF', about: "paid: the bank's reference" };
const cash: Option = { type: 'string', value: 'REF', about: "paid at a counter: the receipt's" };

const steps: Readonly<Record<CardStep, string>> = {
  block: 'Stop a card: gates refuse it once a list built with --accounts reaches them.',
  unblock: 'Take a blocked card off the list of stopped cards.',
  lost: 'A named card is reported lost: it is stopped, and its settling period begins.',
  found: 'A lost card has been found again.',
};

export const cardCommands: readonly Command[] = [
  {
    name: 'cards issue',
    about: 'Opens the account of a card that was personalised without money.',
    options: {
      ...officeOptions,
      number: numberOption,
      issuer: { type: 'string', value: 'HEX', required: true, about: '8 bytes as in file 15' },
      profile: {
        type: 'string',
        value: 'NAME',
        required: true,
        about: `its scheme: ${builtInProfileNames.join(', ')}, or one of cards.json`,
      },
      holder: {
        type: 'string',
        value: 'REF',
        about: 'your reference of the person; none: anonymous',
      },
      currency: { type: 'string', value: 'NUMBER', about: 'ISO 4217 number (default 156)' },
    },
    run: issue,
  },
  {
    name: 'cards show',
    about: "A card's account and its orders.",
    options: { ...officeOptions, number: numberOption },
    run: show,
  },
  {
    name: 'cards order',
    about: 'Orders a load for a card; with --bank or --cash it is paid as well.',
    options: {
      ...officeOptions,
      number: numberOption,
      order: orderOption,
      amount: { type: 'string', value: 'MINOR', required: true, about: 'in minor units' },
      bank,
      cash,
    },
    run: order,
  },
  {
    name: 'cards fund',
    about: 'The money of an order has come.',
    options: { ...officeOptions, order: orderOption, bank, cash },
    run: fund,
  },
  {
    name: 'cards refund',
    about: 'Gives the money of an order back that no card was credited with.',
    options: { ...officeOptions, order: orderOption },
    run: refund,
  },
  {
    name: 'cards paid',
    about: 'A refund went out.',
    options: {
      ...officeOptions,
      refund: { type: 'string', value: 'ID', required: true, about: 'as cards reconcile lists it' },
      reference: { type: 'string', value: 'REF', required: true, about: 'of the payment' },
    },
    run: paid,
  },
  ...(Object.keys(cardSteps) as CardStep[]).map((step) => ({
    name: `cards ${step}`,
    about: steps[step],
    options: { ...officeOptions, number: numberOption },
    run: (args: Args, io: Io) => takeStep(args, io, step),
  })),
  {
    name: 'cards return',
    about: 'An anonymous card is given back: the till pays the balance read from it just now.',
    options: { ...officeOptions, number: numberOption },
    run: giveBack,
  },
  {
    name: 'cards reissue',
    about: 'A returned card goes to its next rider, who pays what is on it.',
    options: { ...officeOptions, number: numberOption },
    run: reissue,
  },
  {
    name: 'cards replace',
    about: "Orders a lost or blocked card's balance for another card of its holder.",
    options: {
      ...officeOptions,
      number: numberOption,
      by: { type: 'string', value: 'HEX', required: true, about: 'number of the new card' },
      order: orderOption,
    },
    run: replace,
  },
  cardsReconcileCommand,
  ...floatCommands,
  cardsServeCommand,
];

function issue(args: Args, io: Io): Promise<number> {
  return foundOffice(args, io, async ({ register, profileNames, cardOf }) => {
    const issuer = args.need('issuer').toUpperCase();
    if (!isHex(issuer, 8))
      throw new FaregateError('USAGE', '--issuer takes 8 bytes in hexadecimal');
    const profile = args.need('profile');
    if (!profileNames.includes(profile)) {
      const known = profileNames.join(', ');
      throw new FaregateError('USAGE', `--profile ${profile}: cards.json has ${known}`);
    }
    const holder = referenceFrom(args, 'holder') ?? null;
    const currency = args.whole('currency', CNY, 1, 999);
    const fresh = { ...cardOf('number'), issuer, profile, holder, currency };
    const account = granted(await register.issue(fresh));
    return tell(args, io, account, describeCard(account));
  });
}

function show(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ store, cardOf }) => {
    const { card } = cardOf('number');
    const account = store.read((reader) => getRow(reader, 'cards', card));
    if (!account) granted(refuse('unknownCard'));
    const orders = store.read((reader) => ordersOf(reader, account!));
    const words = [...describeCard(account!), ...orders.map(describeOrder)];
    return tell(args, io, { ...account, orders }, words);
  });
}

function order(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ orders, cardOf }) => {
    args.need('amount');
    const amountMinor = args.whole('amount', 0, 1, AMOUNT_MAX);
    const orderId = orderIdFrom(args);
    const funding = fundingFrom(args);
    let placed = granted(await orders.place(orderId, cardOf('number').card, amountMinor));
    if (funding) placed = granted(await orders.fund(orderId, funding));
    return tell(args, io, placed, [describeOrder(placed)]);
  });
}

function fund(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ orders }) => {
    const funding = fundingFrom(args);
    if (!funding) throw new FaregateError('USAGE', '--bank or --cash is required');
    const funded = granted(await orders.fund(orderIdFrom(args), funding));
    return tell(args, io, funded, [describeOrder(funded)]);
  });
}

function fundingFrom(args: Args): Funding | null {
  const [fromBank, fromTill] = [referenceFrom(args, 'bank'), referenceFrom(args, 'cash')];
  if (fromBank !== undefined && fromTill !== undefined) {
    throw new FaregateError('USAGE', 'either --bank or --cash');
  }
  if (fromBank !== undefined) return { source: 'bank', reference: fromBank };
  return fromTill === undefined ? null : { source: 'cash', reference: fromTill };
}

function refund(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ orders }) => {
    const back = granted(await orders.refund(orderIdFrom(args)));
    return tell(args, io, back, [describeOrder(back)]);
  });
}

function paid(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ orders }) => {
    const reference = referenceFrom(args, 'reference')!;
    const row = granted(await orders.paid(args.need('refund'), reference));
    return tell(args, io, row, [`refund ${row.refundId} of ${row.amountMinor} is ${row.state}`]);
  });
}

function takeStep(args: Args, io: Io, step: CardStep): Promise<number> {
  return inOffice(args, io, async ({ register, cardOf }) => {
    const account = granted(await register.step(cardOf('number').card, step));
    return tell(args, io, account, describeCard(account));
  });
}

function giveBack(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ register, cardOf }) => {
    const account = granted(await register.giveBack(cardOf('number').card, CARD_SEEN_FRESH_MS));
    const pay = `pay ${account.seen?.balanceMinor ?? 0} out of the till`;
    return tell(args, io, account, [...describeCard(account), pay]);
  });
}

function reissue(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ register, cardOf }) => {
    const account = granted(await register.reissue(cardOf('number').card));
    const take = `take ${account.initialMinor} for what is on it`;
    return tell(args, io, account, [...describeCard(account), take]);
  });
}

function replace(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ store, register, settings, cardOf }) => {
    const { card } = cardOf('number');
    const spent = await besideLedger(args.need('data'), (ledger) => {
      const currency = store.read((reader) => getRow(reader, 'cards', card))?.currency ?? CNY;
      return spentOf(ledger, card, currency);
    });
    const spentMinor = spent?.postedMinor ?? 0;
    const asked = {
      card,
      by: cardOf('by').card,
      orderId: orderIdFrom(args),
      spentMinor,
      settlingMs: settings.settlingDays * DAY_MS,
    };
    const done = granted(await register.replace(asked));
    const words = done.order ? describeOrder(done.order) : 'replaced; nothing was left on the card';
    return tell(args, io, { ...done, spentMinor }, [words]);
  });
}

function describeCard(card: CardAccount): string[] {
  const { lastDigits, kind, standing, generation, loadedMinor, initialMinor, openOrder } = card;
  const whose = kind === 'named' ? `named, ${card.holder}` : `anonymous, rider ${generation}`;
  return [
    `card ..${lastDigits} (${card.profile}, ${whose}): ${standing}`,
    `  loaded ${initialMinor + loadedMinor}${openOrder ? `; order ${openOrder} without outcome` : ''}`,
  ];
}

function describeOrder({ orderId, amountMinor, state, proof }: LoadOrder): string {
  return `order ${orderId} of ${amountMinor} is ${state}${proof ? `, proved by ${proof}` : ''}`;
}
