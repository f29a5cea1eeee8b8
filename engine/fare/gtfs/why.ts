/**
 * Why a journey costs what it does: its items, which add up to its price, and sentences that name
 * each rule by file and line.
 */
import { formatMinor } from '../money.ts';
import type { Step } from './evaluate.ts';
import type { GtfsFares } from './fares.ts';
import type { GtfsFeed, TransferRule } from './feed.ts';
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

/** Texts of amounts kept; a feed has some hundred. */
const AMOUNTS_KEPT = 4096;

const MEASURES = [
  'from the first departure to the last arrival',
  'from departure to departure',
  'from the first arrival to the last departure',
  'from arrival to arrival',
];

/** What is said of each rule, made once. */
export class RuleTexts {
  /** `fare_leg_rules.txt, line 467`, and the same with its group, of each leg rule. */
  readonly legs: readonly string[];
  readonly groups: readonly string[];
  /** `fare_transfer_rules.txt, line 20`, and what it says without its count. */
  readonly transfers: readonly string[];
  readonly #amounts = new Map<number, string>();
  readonly #decimals: number;

  constructor({ legRules, transferRules, currency }: GtfsFeed) {
    this.#decimals = currency.decimals;
    this.legs = legRules.map(({ line }) => `fare_leg_rules.txt, line ${line}`);
    this.groups = legRules.map(({ group }, index) => {
      const place = this.legs[index]!;
      return group === '' ? place : `${place}, group ${group}`;
    });
    this.transfers = transferRules.map(({ line }) => `fare_transfer_rules.txt, line ${line}`);
  }

  /** `2.40` for 240. */
  amount(minor: number): string {
    const known = this.#amounts.get(minor);
    if (known !== undefined) return known;
    const text = formatMinor(minor, this.#decimals);
    if (this.#amounts.size < AMOUNTS_KEPT) this.#amounts.set(minor, text);
    return text;
  }
}

/** The items and sentences of the journey that the evaluator priced last. */
export function reasonsV2(fares: GtfsFares, column: number): Reasons {
  const { products, stops, texts, evaluator } = fares;
  const items: GtfsItem[] = [];
  const why: string[] = [fares.since];
  for (const step of evaluator.steps()) {
    for (let leg = step.first + 1; leg <= step.last; leg++) {
      const rule = fares.joins.rule(evaluator.joinBefore(leg));
      const place = `fare_leg_join_rules.txt, line ${rule.line}`;
      why.push(`legs ${leg - 1} and ${leg} count as one: ${place}`);
    }
    const rule = fares.legs.rules[step.rule]!;
    const from = stops.label(fares.from[step.first]!);
    const ride = `${legsText(step)}, ${from} to ${stops.label(fares.to[step.last]!)}`;
    const group = texts.groups[step.rule]!;
    if (step.transfer >= 0) {
      const transfer = fares.transfers.rules[step.transfer]!;
      const place = texts.transfers[step.transfer]!;
      const item = itemOf(fares, column, step, 'transfer', transfer.product, place);
      items.push(item);
      why.push(`${ride}: ${transferText(transfer, step.count, place)}: ${item.amount}`);
    }
    if (step.isCharged) {
      const item = itemOf(fares, column, step, 'leg', rule.product, texts.legs[step.rule]!);
      items.push(item);
      const row = products.row(column, products.numberOf(rule.product))!;
      const source = `${rule.product}, fare_products.txt, line ${row.line}`;
      why.push(`${ride}: ${group}: ${source}: ${item.amount}`);
    } else {
      const paid = step.transfer >= 0 ? 'the transfer covers it' : 'the next transfer replaces it';
      why.push(`${ride}: ${group}: ${paid}`);
    }
  }
  return { items, why };
}

function transferText(rule: TransferRule, count: number, place: string): string {
  const name = (group: string) => (group === '' ? 'any other group' : group);
  const groups = `${name(rule.fromGroup)} to ${name(rule.toGroup)}`;
  const times = count === 0 ? '' : `, number ${count} of ${rule.count < 0 ? 'any' : rule.count}`;
  const measure = MEASURES[rule.limitType] ?? '';
  const limit = rule.limitSeconds === 0 ? '' : `, within ${rule.limitSeconds} s ${measure}`;
  return `transfer ${groups}${times}${limit}, type ${rule.type}, ${place}`;
}

function legsText({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? `leg ${first}` : `legs ${first} to ${last}`;
}

function itemOf(
  fares: GtfsFares,
  column: number,
  { first, last }: Step,
  kind: 'leg' | 'transfer',
  product: string,
  rule: string,
): GtfsItem {
  const number = fares.products.numberOf(product);
  const row = product === '' ? null : fares.products.row(column, number);
  const amountMinor = fares.products.amount(column, number);
  return {
    kind,
    leg: first,
    lastLeg: last,
    from: fares.stops.stops[fares.from[first]!]!.id,
    to: fares.stops.stops[fares.to[last]!]!.id,
    rule,
    product: product === '' ? null : product,
    rider: row?.rider || null,
    media: row?.media || null,
    amount: fares.money(amountMinor),
    amountMinor,
  };
}

/** The same for fares of version 1. */
export function reasonsV1(fares: GtfsFares, stretches: readonly Stretch[]): Reasons {
  const items: GtfsItem[] = [];
  const why: string[] = [fares.since];
  for (const stretch of stretches) {
    const { first, last, fare, line } = stretch;
    const [from, to] = [fares.from[first]!, fares.to[last]!];
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
