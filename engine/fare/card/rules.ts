/**
 * Which rules of the extension tables a gate applies by itself, from six bytes on the card
 * (docs/card-counters.md): discounts, transfers, one cumulative discount of a month, one cap of a
 * day. What they cannot count is the engine's to settle, and is named.
 */
import { CARD_NETWORKS_MAX, CARD_TRANSFERS_MAX } from '../../limits.ts';
import type {
  Cap,
  CumulativeStep,
  Discount,
  FareTerms,
  Reduction,
  TransferDiscount,
} from '../terms/terms.ts';
import { DAY_SPENT_MAX, MONTH_SPENT_MAX, TRANSFERS_MAX } from './counters.ts';

/** Stands for any network in a rule. */
export const ANY_NETWORK = -1;

/** Networks are indexes of `CardRules.networks`. */
export interface CardDiscount extends Reduction {
  readonly network: number;
}

export interface CardTransfer extends Reduction {
  readonly fromNetwork: number;
  readonly toNetwork: number;
  /** From the exit to the next entry. */
  readonly limitMs: number;
  readonly count: number;
}

export interface CardMonth {
  readonly network: number;
  /** Rising. */
  readonly steps: readonly {
    readonly fromMinor: number;
    readonly percent: number;
    readonly roundMinor: number;
  }[];
}

export interface CardDayCap {
  readonly network: number;
  readonly amountMinor: number;
}

/** The rules of one class of riders; of lists the first that matches counts. */
export interface CardRiderRules {
  readonly discounts: readonly CardDiscount[];
  readonly transfers: readonly CardTransfer[];
  readonly month: CardMonth | null;
  readonly dayCap: CardDayCap | null;
}

export interface CardRules {
  readonly networks: readonly string[];
  /** From midnight to the beginning of a service day. */
  readonly dayStartMs: number;
  /** By the index of the class in the fare set. */
  readonly riders: readonly CardRiderRules[];
}

/** A row that gates leave to the engine. */
export interface LeftRow {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

export interface CardRulesFound {
  /** null where no row is for gates. */
  readonly rules: CardRules | null;
  readonly left: readonly LeftRow[];
}

type Table = 'discounts' | 'transfers' | 'cumulative' | 'caps';

/**
 * Picks the rows that fit on a card.
 * @param riders classes of the fare set, by index
 * @param earlier networks of the version before, which keep their numbers
 */
export function cardRulesOf(
  terms: FareTerms,
  riders: readonly string[],
  earlier: readonly string[],
): CardRulesFound {
  const picker = new Picker(terms, earlier);
  const perRider = riders.map((rider) => picker.of(rider));
  const isAny = perRider.some(
    ({ discounts, transfers, month, dayCap }) =>
      discounts.length > 0 || transfers.length > 0 || month !== null || dayCap !== null,
  );
  const { dayStartMs } = terms.settings;
  const rules = isAny ? { networks: picker.networks, dayStartMs, riders: perRider } : null;
  return { rules, left: picker.left };
}

/** Rows of a version's terms that gates leave to the engine. */
export function leftRows(version: {
  readonly terms: FareTerms | null;
  readonly riders: readonly string[];
  readonly card?: CardRules;
}): readonly LeftRow[] {
  const { terms, riders, card } = version;
  return terms ? cardRulesOf(terms, riders, card?.networks ?? []).left : [];
}

class Picker {
  readonly networks: string[];
  readonly left: LeftRow[] = [];
  readonly #terms: FareTerms;
  readonly #told = new Set<string>();

  constructor(terms: FareTerms, earlier: readonly string[]) {
    this.#terms = terms;
    this.networks = [...earlier];
    for (const { network } of [...terms.discounts, ...terms.cumulative, ...terms.caps]) {
      this.#name(network);
    }
    for (const { fromNetwork, toNetwork } of terms.transfers) {
      this.#name(fromNetwork);
      this.#name(toNetwork);
    }
    for (const row of terms.passes) this.#leave('passes', row.line, 'passes are in no card record');
  }

  of(rider: string): CardRiderRules {
    return {
      discounts: this.#prefix('discounts', this.#terms.discounts, rider, (row) =>
        this.#why(row),
      ).map(({ network, percent, offMinor, roundMinor }) => ({
        network: this.#index(network),
        percent,
        offMinor,
        roundMinor,
      })),
      transfers: this.#transfers(rider),
      month: this.#month(rider),
      dayCap: this.#dayCap(rider),
    };
  }

  #name(network: string): void {
    if (network !== '' && !this.networks.includes(network)) this.networks.push(network);
  }

  #index(network: string): number {
    return network === '' ? ANY_NETWORK : this.networks.indexOf(network);
  }

  #leave(table: Table | 'passes', line: number, why: string): void {
    const file = `faregate_${table}.txt`;
    if (this.#told.has(`${file}:${line}`)) return;
    this.#told.add(`${file}:${line}`);
    this.left.push({ file, line, why });
  }

  /**
   * The rows of a class up to the first that does not fit: behind it a row might be taken where the
   * engine takes that one.
   */
  #prefix<T extends { readonly rider: string; readonly line: number }>(
    table: Table,
    rows: readonly T[],
    rider: string,
    whyNot: (row: T) => string | null,
  ): T[] {
    const fitting: T[] = [];
    let isOver = false;
    for (const row of rows) {
      if (row.rider !== '' && row.rider !== rider) continue;
      const why = whyNot(row) ?? (isOver ? 'it stands behind a row that does not fit' : null);
      if (why === null) fitting.push(row);
      else {
        isOver = true;
        this.#leave(table, row.line, why);
      }
    }
    return fitting;
  }

  #why(row: Discount | TransferDiscount | Cap | CumulativeStep): string | null {
    if (row.media !== '') return 'a gate does not know the fare medium';
    if ('period' in row && row.period !== '') return 'a gate does not know periods';
    if (this.networks.length > CARD_NETWORKS_MAX) {
      return `over ${CARD_NETWORKS_MAX} networks are named`;
    }
    return null;
  }

  #transfers(rider: string): CardTransfer[] {
    let taken = 0;
    const rows = this.#prefix('transfers', this.#terms.transfers, rider, (row) => {
      const why = this.#why(row);
      if (why !== null) return why;
      if (row.limitType !== 2) return 'a card only keeps when the leg before ended';
      if (row.count > TRANSFERS_MAX) return `a card counts to ${TRANSFERS_MAX} transfers`;
      taken += 1;
      return taken > CARD_TRANSFERS_MAX ? `over ${CARD_TRANSFERS_MAX} rows for a class` : null;
    });
    return rows.map(({ fromNetwork, toNetwork, limitMs, count, ...row }) => ({
      fromNetwork: this.#index(fromNetwork),
      toNetwork: this.#index(toNetwork),
      limitMs,
      count,
      percent: row.percent,
      offMinor: row.offMinor,
      roundMinor: row.roundMinor,
    }));
  }

  #month(rider: string): CardMonth | null {
    const rows = this.#terms.cumulative.filter((row) => row.rider === '' || row.rider === rider);
    const [first] = rows;
    if (!first) return null;
    const own = rows.filter(({ scheme }) => scheme === first.scheme);
    for (const row of rows) {
      if (row.scheme !== first.scheme)
        this.#leave('cumulative', row.line, 'a card keeps one scheme');
    }
    const tooMuch = own.some(({ fromMinor }) => fromMinor > MONTH_SPENT_MAX);
    const why =
      this.#why(first) ??
      (first.span === 'month' ? null : 'a card keeps the sum of a month') ??
      (tooMuch ? 'the sum is more than a card counts' : null);
    if (why !== null) {
      for (const { line } of own) this.#leave('cumulative', line, why);
      return null;
    }
    const steps = own
      .map(({ fromMinor, percent, roundMinor }) => ({ fromMinor, percent, roundMinor }))
      .sort((a, b) => a.fromMinor - b.fromMinor);
    return { network: this.#index(first.network), steps };
  }

  /** All caps count, so that any may be left; a card holds the sum for one. */
  #dayCap(rider: string): CardDayCap | null {
    let cap: CardDayCap | null = null;
    for (const row of this.#terms.caps) {
      if (row.rider !== '' && row.rider !== rider) continue;
      const why =
        this.#why(row) ??
        (row.zoneSet === '' ? null : 'a gate does not know zones') ??
        (row.span === 'day' && row.amountMinor !== null ? null : 'a card keeps the sum of a day') ??
        (row.amountMinor! > DAY_SPENT_MAX ? 'the sum is more than a card counts' : null) ??
        (cap ? 'a card keeps the sum of one cap' : null);
      if (why !== null) this.#leave('caps', row.line, why);
      else cap = { network: this.#index(row.network), amountMinor: row.amountMinor! };
    }
    return cap;
  }
}
