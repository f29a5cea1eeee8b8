/**
 * What is said of the stops and rules of a feed, as parts of JSON: each is escaped when it is first
 * asked for, and the reasons of a journey are then joined of them.
 */
import { formatMinor } from '../money.ts';
import type { GtfsFeed, TransferRule } from './feed.ts';
import type { StopTable } from './stops.ts';

/** Texts of amounts kept; a feed has some hundred. */
const AMOUNTS_KEPT = 4096;

const MEASURES = [
  'from the first departure to the last arrival',
  'from departure to departure',
  'from the first arrival to the last departure',
  'from arrival to arrival',
];

/** Texts by number. */
type Texts = (index: number) => string;

function kept(count: number, make: Texts): Texts {
  const made = new Array<string | undefined>(count);
  return (index) => {
    made[index] ??= make(index);
    return made[index];
  };
}

/** A text as it stands between the quotes of a JSON string; parts of it can be joined. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

export class FeedTexts {
  /** Of each stop: its id, and `Park Street (place-pktrm)`. */
  readonly stops: Texts;
  readonly labels: Texts;
  /** Of each leg rule: `fare_leg_rules.txt, line 467`, and the same with `, group subway`. */
  readonly legs: Texts;
  readonly groups: Texts;
  /** Of each transfer rule: `fare_transfer_rules.txt, line 20`. */
  readonly transfers: Texts;
  /** `transfer subway to bus`, and after the count `, within 7200 s ..., type 0, ..., line 20`. */
  readonly transferGroups: Texts;
  readonly transferTerms: Texts;
  /** Of each row of products: `subway, fare_products.txt, line 3: 2.40`. */
  readonly products: Texts;
  /** The end of an item with the product of a row, `"product":"subway",...}`, or with none. */
  readonly itemEnds: Texts;
  readonly freeItemEnd: string;
  readonly #amounts = new Map<number, string>();
  readonly #decimals: number;

  constructor({ legRules, transferRules, products, currency }: GtfsFeed, stops: StopTable) {
    this.#decimals = currency.decimals;
    this.stops = kept(stops.stops.length, (stop) => escaped(stops.stops[stop]!.id));
    this.labels = kept(stops.stops.length, (stop) => escaped(stops.label(stop)));
    this.legs = kept(legRules.length, (rule) => legPlace(legRules[rule]!.line));
    this.groups = kept(legRules.length, (rule) => {
      const { line, group } = legRules[rule]!;
      return escaped(group === '' ? legPlace(line) : `${legPlace(line)}, group ${group}`);
    });
    this.transfers = kept(transferRules.length, (rule) => transferPlace(transferRules[rule]!));
    this.transferGroups = kept(transferRules.length, (rule) => {
      const { fromGroup, toGroup } = transferRules[rule]!;
      const name = (group: string) => (group === '' ? 'any other group' : group);
      return escaped(`transfer ${name(fromGroup)} to ${name(toGroup)}`);
    });
    this.transferTerms = kept(transferRules.length, (rule) => transferTerms(transferRules[rule]!));
    this.products = kept(products.length, (row) => {
      const { id, line, amountMinor } = products[row]!;
      return escaped(`${id}, fare_products.txt, line ${line}: ${this.amount(amountMinor)}`);
    });
    this.itemEnds = kept(products.length, (row) => {
      const { id, rider, media, amountMinor } = products[row]!;
      return this.#itemEnd(id, rider || null, media || null, amountMinor);
    });
    this.freeItemEnd = this.#itemEnd(null, null, null, 0);
  }

  #itemEnd(
    product: string | null,
    rider: string | null,
    media: string | null,
    amountMinor: number,
  ): string {
    const amount = this.amount(amountMinor);
    return JSON.stringify({ product, rider, media, amount, amountMinor }).slice(1);
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

function legPlace(line: number): string {
  return `fare_leg_rules.txt, line ${line}`;
}

function transferPlace({ line }: TransferRule): string {
  return `fare_transfer_rules.txt, line ${line}`;
}

function transferTerms(rule: TransferRule): string {
  const measure = MEASURES[rule.limitType] ?? '';
  const limit = rule.limitSeconds === 0 ? '' : `, within ${rule.limitSeconds} s ${measure}`;
  return `${limit}, type ${rule.type}, ${transferPlace(rule)}`;
}
