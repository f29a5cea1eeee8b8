/**
 * Why a journey costs what it does: its items, which add up to its price, and sentences that name
 * each rule by file and line.
 */
import type { Journey } from '../journey.ts';
import type { Step } from './evaluate.ts';
import type { GtfsFares } from './fares.ts';
import type { TransferRule } from './feed.ts';
import type { Stretch } from './v1.ts';

export interface GtfsItem {
  readonly kind: 'leg' | 'transfer';
  /** First leg of the journey that it is for, from 0, and the last. */
  readonly leg: number;
  readonly lastLeg: number;
  /** Ids of the stops. */
  readonly from: string;
  readonly to: string;
  /** File and line of the rule. */
  readonly rule: string;
  /** Fare product, or fare of version 1; null for a transfer that asks for none. */
  readonly product: string | null;
  readonly rider: string | null;
  readonly media: string | null;
  /** Decimal text with all the currency's decimals. */
  readonly amount: string;
  readonly amountMinor: number;
}

export interface Reasons {
  readonly items: readonly GtfsItem[];
  readonly why: readonly string[];
}

const MEASURES = [
  'from the first departure to the last arrival',
  'from departure to departure',
  'from the first arrival to the last departure',
  'from arrival to arrival',
];

/** The items and sentences of the journey that the evaluator priced last. */
export function reasonsV2(fares: GtfsFares, journey: Journey, column: number): Reasons {
  const items: GtfsItem[] = [];
  const why: string[] = [];
  for (const step of fares.evaluator.steps()) {
    for (let leg = step.first + 1; leg <= step.last; leg++) {
      const rule = fares.joins.rule(fares.evaluator.joinBefore(leg));
      const place = `fare_leg_join_rules.txt, line ${rule.line}`;
      why.push(`legs ${leg - 1} and ${leg} count as one: ${place}`);
    }
    const rule = fares.legs.rules[step.rule]!;
    const group = rule.group === '' ? '' : `, group ${rule.group}`;
    const place = `fare_leg_rules.txt, line ${rule.line}`;
    const [from, to] = endsOf(fares, journey, step);
    const ride = `${legsText(step)}, ${fares.stops.label(from)} to ${fares.stops.label(to)}`;
    if (step.transfer >= 0) {
      const transfer = fares.transfers.rules[step.transfer]!;
      const item = itemOf(fares, journey, column, step, 'transfer', transfer.product);
      items.push({ ...item, rule: `fare_transfer_rules.txt, line ${transfer.line}` });
      why.push(`${ride}: ${transferText(transfer, step.count)}: ${item.amount}`);
    }
    if (step.isCharged) {
      const item = itemOf(fares, journey, column, step, 'leg', rule.product);
      items.push({ ...item, rule: place });
      const row = fares.products.row(column, fares.products.numberOf(rule.product))!;
      const source = `${rule.product}, fare_products.txt, line ${row.line}`;
      why.push(`${ride}: ${place}${group}: ${source}: ${item.amount}`);
    } else {
      const paid = step.transfer >= 0 ? 'the transfer covers it' : 'the next transfer replaces it';
      why.push(`${ride}: ${place}${group}: ${paid}`);
    }
  }
  return { items, why };
}

function transferText(rule: TransferRule, count: number): string {
  const name = (group: string) => (group === '' ? 'any other group' : group);
  const groups = `${name(rule.fromGroup)} to ${name(rule.toGroup)}`;
  const times = count === 0 ? '' : `, number ${count} of ${rule.count < 0 ? 'any' : rule.count}`;
  const limit =
    rule.limitSeconds === 0
      ? ''
      : `, within ${rule.limitSeconds} s ${MEASURES[rule.limitType] ?? ''}`;
  const place = `fare_transfer_rules.txt, line ${rule.line}`;
  return `transfer ${groups}${times}${limit}, type ${rule.type}, ${place}`;
}

function endsOf(fares: GtfsFares, { legs }: Journey, step: { first: number; last: number }) {
  return [fares.stops.find(legs[step.first]!.from), fares.stops.find(legs[step.last]!.to)] as const;
}

function legsText({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? `leg ${first}` : `legs ${first} to ${last}`;
}

function itemOf(
  fares: GtfsFares,
  journey: Journey,
  column: number,
  step: Step,
  kind: 'leg' | 'transfer',
  product: string,
): Omit<GtfsItem, 'rule'> {
  const [from, to] = endsOf(fares, journey, step);
  const number = fares.products.numberOf(product);
  const row = product === '' ? null : fares.products.row(column, number);
  const amountMinor = fares.products.amount(column, number);
  return {
    kind,
    leg: step.first,
    lastLeg: step.last,
    from: fares.stops.stops[from]!.id,
    to: fares.stops.stops[to]!.id,
    product: product === '' ? null : product,
    rider: row?.rider || null,
    media: row?.media || null,
    amount: fares.money(amountMinor),
    amountMinor,
  };
}

/** The same for fares of version 1. */
export function reasonsV1(
  fares: GtfsFares,
  journey: Journey,
  stretches: readonly Stretch[],
): Reasons {
  const items: GtfsItem[] = [];
  const why: string[] = [];
  for (const stretch of stretches) {
    const { first, last, fare, line } = stretch;
    const [from, to] = endsOf(fares, journey, stretch);
    const attributes = `fare_attributes.txt, line ${fare.line}`;
    const rule = line === 0 ? attributes : `fare_rules.txt, line ${line}`;
    const amount = fares.money(fare.amountMinor);
    items.push({
      kind: 'leg',
      leg: first,
      lastLeg: last,
      from: fares.stops.stops[from]!.id,
      to: fares.stops.stops[to]!.id,
      rule,
      product: fare.id,
      rider: null,
      media: null,
      amount,
      amountMinor: fare.amountMinor,
    });
    const ride = `${legsText(stretch)}, ${fares.stops.label(from)} to ${fares.stops.label(to)}`;
    const paid = fare.isPaidBefore ? 'paid before boarding' : 'paid on board';
    const found = line === 0 ? 'a fare without rules' : rule;
    why.push(`${ride}: ${found}: fare ${fare.id}, ${attributes}, ${paid}: ${amount}`);
  }
  return { items, why };
}
