/**
 * Why a journey costs what it does: its items, which add up to its price, and sentences that name
 * each rule by file and line. They are JSON from the start: `JSON.stringify` of a journey's reasons
 * takes several times as long as its price.
 */
import type { Step } from './evaluate.ts';
import type { GtfsFares } from './fares.ts';
import type { Stretch } from './v1.ts';

/** An item, as its JSON has it, in this order. */
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

/** JSON of a list of `GtfsItem` and of a list of sentences. */
export interface Reasons {
  readonly items: string;
  readonly why: string;
}

/** The items and sentences of the journey that the evaluator priced last. */
export function reasonsV2(fares: GtfsFares, column: number): Reasons {
  const { evaluator, products, texts } = fares;
  const items: string[] = [];
  const why: string[] = [fares.since];
  for (const step of evaluator.steps()) {
    for (let leg = step.first + 1; leg <= step.last; leg++) {
      const { line } = fares.joins.rule(evaluator.joinBefore(leg));
      const place = `fare_leg_join_rules.txt, line ${line}`;
      why.push(`legs ${leg - 1} and ${leg} count as one: ${place}`);
    }
    const ride = rideText(fares, step);
    if (step.transfer >= 0) {
      const product = fares.transfers.products[step.transfer]!;
      const row = products.row(column, product);
      const end = row < 0 ? texts.freeItemEnd : texts.itemEnds(row);
      items.push(itemText(fares, step, 'transfer', texts.transfers(step.transfer), end));
      const amount = fares.money(products.amount(column, product));
      why.push(`${ride}: ${transferText(fares, step)}: ${amount}`);
    }
    const group = texts.groups(step.rule);
    if (step.isCharged) {
      const row = products.row(column, fares.legs.products[step.rule]!);
      items.push(itemText(fares, step, 'leg', texts.legs(step.rule), texts.itemEnds(row)));
      why.push(`${ride}: ${group}: ${texts.products(row)}`);
    } else {
      const paid = step.transfer >= 0 ? 'the transfer covers it' : 'the next transfer replaces it';
      why.push(`${ride}: ${group}: ${paid}`);
    }
  }
  return { items: `[${items.join()}]`, why: `["${why.join('","')}"]` };
}

function rideText({ texts, from, to }: GtfsFares, { first, last }: Step): string {
  return `${legsText(first, last)}, ${texts.labels(from[first]!)} to ${texts.labels(to[last]!)}`;
}

function transferText({ texts, transfers }: GtfsFares, { transfer, count }: Step): string {
  const limit = transfers.rules[transfer]!.count;
  const times = count === 0 ? '' : `, number ${count} of ${limit < 0 ? 'any' : limit}`;
  return `${texts.transferGroups(transfer)}${times}${texts.transferTerms(transfer)}`;
}

function legsText(first: number, last: number): string {
  return first === last ? `leg ${first}` : `legs ${first} to ${last}`;
}

/** JSON of an item. `rule` and `end` are parts of JSON as `FeedTexts` has them. */
function itemText(
  { texts, from, to }: GtfsFares,
  { first, last }: Step,
  kind: GtfsItem['kind'],
  rule: string,
  end: string,
): string {
  const ends = `"from":"${texts.stops(from[first]!)}","to":"${texts.stops(to[last]!)}"`;
  return `{"kind":"${kind}","leg":${first},"lastLeg":${last},${ends},"rule":"${rule}",${end}`;
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
    const ride = `${legsText(first, last)}, ${fares.stops.label(from)} to ${fares.stops.label(to)}`;
    const paid = fare.isPaidBefore ? 'paid before boarding' : 'paid on board';
    const found = line === 0 ? 'a fare without rules' : rule;
    why.push(`${ride}: ${found}: fare ${fare.id}, ${attributes}, ${paid}: ${amount}`);
  }
  return { items: JSON.stringify(items), why: JSON.stringify(why) };
}
