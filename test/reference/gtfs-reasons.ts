/**
 * The answer to a journey as a plain value, whose `JSON.stringify` is what `quote` writes of parts.
 * Which rules it goes by is asked of the evaluator, which has a twin of its own.
 */
import type { Step } from '../../engine/fare/gtfs/evaluate.ts';
import type { GtfsFares } from '../../engine/fare/gtfs/fares.ts';
import type { Product, TransferRule } from '../../engine/fare/gtfs/feed.ts';
import type { GtfsItem } from '../../engine/fare/gtfs/why.ts';
import { formatInstant } from '../../engine/fare/instant.ts';
import type { Journey, PricedAs } from '../../engine/fare/journey.ts';
import { formatMinor } from '../../engine/fare/money.ts';

const MEASURES = [
  'from the first departure to the last arrival',
  'from departure to departure',
  'from the first arrival to the last departure',
  'from arrival to arrival',
];

/** The journey that `fares` priced last, at `amountMinor`. */
export function twinAnswer(
  fares: GtfsFares,
  journey: Journey,
  amountMinor: number,
): PricedAs<GtfsItem> {
  const { feed, evaluator } = fares;
  const items: GtfsItem[] = [];
  const why = [`fare version ${fares.version} in force since ${formatInstant(fares.effectiveMs)}`];
  const add = (step: Step, kind: GtfsItem['kind'], id: string, rule: string): GtfsItem => {
    const row = id === '' ? null : cheapest(fares, id, journey);
    const item = {
      kind,
      leg: step.first,
      lastLeg: step.last,
      from: stopOf(fares, journey.legs[step.first]!.from).id,
      to: stopOf(fares, journey.legs[step.last]!.to).id,
      rule,
      product: row?.id ?? null,
      rider: row?.rider || null,
      media: row?.media || null,
      amount: formatMinor(row?.amountMinor ?? 0, feed.currency.decimals),
      amountMinor: row?.amountMinor ?? 0,
    };
    items.push(item);
    return item;
  };
  for (const step of evaluator.steps()) {
    const { first, last } = step;
    for (let leg = first + 1; leg <= last; leg++) {
      const { line } = fares.joins.rule(evaluator.joinBefore(leg));
      why.push(`legs ${leg - 1} and ${leg} count as one: fare_leg_join_rules.txt, line ${line}`);
    }
    const from = label(fares, journey.legs[first]!.from);
    const to = label(fares, journey.legs[last]!.to);
    const ride = `${first === last ? `leg ${first}` : `legs ${first} to ${last}`}, ${from} to ${to}`;
    if (step.transfer >= 0) {
      const rule = feed.transferRules[step.transfer]!;
      const place = `fare_transfer_rules.txt, line ${rule.line}`;
      const { amount } = add(step, 'transfer', rule.product, place);
      why.push(`${ride}: ${transferText(rule, step.count, place)}: ${amount}`);
    }
    const rule = feed.legRules[step.rule]!;
    const place = `fare_leg_rules.txt, line ${rule.line}`;
    const group = rule.group === '' ? place : `${place}, group ${rule.group}`;
    if (step.isCharged) {
      const { amount } = add(step, 'leg', rule.product, place);
      const { line } = cheapest(fares, rule.product, journey);
      why.push(`${ride}: ${group}: ${rule.product}, fare_products.txt, line ${line}: ${amount}`);
    } else {
      const paid = step.transfer >= 0 ? 'the transfer covers it' : 'the next transfer replaces it';
      why.push(`${ride}: ${group}: ${paid}`);
    }
  }
  const amount = formatMinor(amountMinor, feed.currency.decimals);
  return { id: journey.id, amount, amountMinor, currency: feed.currency.code, items, why };
}

/** The first of the cheapest rows of a product that a journey's rider and medium can have. */
function cheapest({ feed }: GtfsFares, id: string, { rider, media }: Journey): Product {
  const isRider = (row: Product) =>
    row.rider === '' ||
    (rider === null
      ? feed.riders.find((known) => known.id === row.rider)!.isDefault
      : row.rider === rider);
  const rows = feed.products
    .filter((row) => row.id === id && isRider(row))
    .filter((row) => row.media === '' || media === null || row.media === media);
  const least = Math.min(...rows.map(({ amountMinor }) => amountMinor));
  return rows.find(({ amountMinor }) => amountMinor === least)!;
}

function stopOf({ feed, stops }: GtfsFares, text: string) {
  return feed.stops[stops.find(text)]!;
}

function label(fares: GtfsFares, text: string): string {
  const { id, name } = stopOf(fares, text);
  return name === '' || name === id ? id : `${name} (${id})`;
}

function transferText(rule: TransferRule, count: number, place: string): string {
  const name = (group: string) => (group === '' ? 'any other group' : group);
  const groups = `${name(rule.fromGroup)} to ${name(rule.toGroup)}`;
  const times = count === 0 ? '' : `, number ${count} of ${rule.count < 0 ? 'any' : rule.count}`;
  const measure = MEASURES[rule.limitType] ?? '';
  const limit = rule.limitSeconds === 0 ? '' : `, within ${rule.limitSeconds} s ${measure}`;
  return `transfer ${groups}${times}${limit}, type ${rule.type}, ${place}`;
}
