/** Reads the extension tables, once checked, into `FareTerms`. */

import type { Tables } from '../gtfs/columns.ts';
import { parseDate, parseTime, parseWhole } from '../gtfs/fields.ts';
import type { Row } from '../gtfs/table.ts';
import { parseAmount } from '../money.ts';
import { readProducts } from './products.ts';
import { WEEKDAYS } from './schema.ts';
import type {
  CalendarSpan,
  Cap,
  Continuation,
  CumulativeStep,
  Discount,
  FareTerms,
  Interchange,
  MissingTap,
  Pass,
  Period,
  Reduction,
  Riding,
  SameStation,
  Settings,
  TimeLimit,
  TransferDiscount,
} from './terms.ts';

const MINUTE_MS = 60_000;

/**
 * @param tables all tables of the feed, or those of the terms alone; without errors
 * @param decimals of the currency of the fares
 * @param timezone where the settings name none
 */
export function readTerms(tables: Tables, decimals: number, timezone: string): FareTerms {
  const rows = (name: string): readonly Row[] => tables.get(`faregate_${name}.txt`)?.rows ?? [];
  const read = new Reader(decimals);
  return {
    settings: read.settings(rows('settings')[0] ?? null, timezone),
    holidays: new Map(
      rows('holidays').map((row) => [
        parseDate(row.get('date')),
        WEEKDAYS.indexOf(row.get('day_type')),
      ]),
    ),
    periods: rows('periods').map(readPeriod),
    zoneNumbers: new Map(
      rows('zones').map((row) => [row.get('zone_id'), parseWhole(row.get('zone_number'))]),
    ),
    stopZones: groups(rows('stop_zones'), 'stop_id', 'zone_id'),
    zoneSets: new Map(
      [...groups(rows('zone_sets'), 'zone_set_id', 'zone_id')].map(([id, zones]) => [
        id,
        new Set(zones),
      ]),
    ),
    discounts: rows('discounts').map((row) => read.discount(row)),
    transfers: rows('transfers').map((row) => read.transfer(row)),
    cumulative: rows('cumulative').map((row) => read.cumulative(row)),
    caps: rows('caps').map((row) => read.cap(row)),
    passes: rows('passes').map(readPass),
    missingTaps: rows('missing_taps').map((row) => read.missingTap(row)),
    sameStation: rows('same_station').map((row) => read.sameStation(row)),
    timeLimits: rows('time_limits').map((row) => read.timeLimit(row)),
    interchanges: rows('interchanges').map(readInterchange),
    continuations: rows('continuations').map(readContinuation),
    products: readProducts(tables, decimals),
  };
}

function groups(rows: readonly Row[], key: string, value: string): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const row of rows) {
    const known = lists.get(row.get(key));
    if (known) known.push(row.get(value));
    else lists.set(row.get(key), [row.get(value)]);
  }
  return lists;
}

function riding(row: Row): Riding {
  return {
    rider: row.get('rider_category_id'),
    media: row.get('fare_media_id'),
    network: row.get('network_id'),
  };
}

function wholeOrNull(row: Row, field: string): number | null {
  return row.get(field) === '' ? null : parseWhole(row.get(field));
}

function minutes(row: Row, field: string): number {
  return parseWhole(row.get(field)) * MINUTE_MS;
}

function minutesOrNull(row: Row, field: string): number | null {
  return row.get(field) === '' ? null : minutes(row, field);
}

function readPeriod(row: Row): Period {
  return {
    id: row.get('period_id'),
    weekdays: WEEKDAYS.map((name) => row.get(name) === '1'),
    startMs: parseTime(row.get('start_time')) * 1000,
    endMs: parseTime(row.get('end_time')) * 1000,
    line: row.line,
  };
}

function readPass(row: Row): Pass {
  return {
    id: row.get('pass_id'),
    rider: row.get('rider_category_id'),
    network: row.get('network_id'),
    zoneSet: row.get('zone_set_id'),
    period: row.get('period_id'),
    days: wholeOrNull(row, 'days'),
    startsAtFirstRide: row.get('starts') === 'first_ride',
    rides: wholeOrNull(row, 'rides'),
    line: row.line,
  };
}

function readInterchange(row: Row): Interchange {
  return {
    from: row.get('from_stop_id'),
    to: row.get('to_stop_id'),
    limitMs: minutes(row, 'minutes'),
    period: row.get('period_id'),
    switchId: row.get('switch_id'),
    line: row.line,
  };
}

function readContinuation(row: Row): Continuation {
  return {
    fromNetwork: row.get('from_network_id'),
    toNetwork: row.get('to_network_id'),
    rider: row.get('rider_category_id'),
    transfers: parseWhole(row.get('transfers')),
    totalMs: minutes(row, 'total_minutes'),
    gapMs: minutes(row, 'gap_minutes'),
    mayRepeat: row.get('repeats') === '1',
    pricing: (row.get('pricing') || 'sum') as Continuation['pricing'],
    line: row.line,
  };
}

/** Rows with amounts. */
class Reader {
  readonly #decimals: number;

  constructor(decimals: number) {
    this.#decimals = decimals;
  }

  #amount(row: Row, field: string): number | null {
    return row.get(field) === '' ? null : (parseAmount(row.get(field), this.#decimals) as number);
  }

  #reduction(row: Row): Reduction {
    return {
      percent: parseWhole(row.get('percent') || '0'),
      offMinor: this.#amount(row, 'amount_off') ?? 0,
      roundMinor: this.#amount(row, 'round_to') ?? 1,
    };
  }

  settings(row: Row | null, timezone: string): Settings {
    const start = row?.get('service_day_start') || '00:00:00';
    return {
      timezone: row?.get('timezone') || timezone,
      dayStartMs: parseTime(start) * 1000,
      weekStart: WEEKDAYS.indexOf(row?.get('week_start') || 'monday'),
      entryBalanceMinor: row && this.#amount(row, 'minimum_balance'),
      negativeBalanceMinor: (row && this.#amount(row, 'negative_balance')) ?? 0,
    };
  }

  discount(row: Row): Discount {
    const period = row.get('period_id');
    return { ...riding(row), ...this.#reduction(row), period, line: row.line };
  }

  transfer(row: Row): TransferDiscount {
    return {
      fromNetwork: row.get('from_network_id'),
      toNetwork: row.get('to_network_id'),
      rider: row.get('rider_category_id'),
      media: row.get('fare_media_id'),
      limitMs: minutes(row, 'minutes'),
      limitType: parseWhole(row.get('duration_type') || '2'),
      count: parseWhole(row.get('transfer_count') || '1'),
      ...this.#reduction(row),
      line: row.line,
    };
  }

  cumulative(row: Row): CumulativeStep {
    return {
      scheme: row.get('scheme_id'),
      ...riding(row),
      span: row.get('span') as CalendarSpan,
      fromMinor: this.#amount(row, 'from_amount')!,
      percent: parseWhole(row.get('percent')),
      roundMinor: this.#amount(row, 'round_to') ?? 1,
      line: row.line,
    };
  }

  cap(row: Row): Cap {
    return {
      id: row.get('cap_id'),
      ...riding(row),
      zoneSet: row.get('zone_set_id'),
      period: row.get('period_id'),
      span: row.get('span') as Cap['span'],
      days: parseWhole(row.get('days') || '0'),
      amountMinor: this.#amount(row, 'amount'),
      rides: wholeOrNull(row, 'rides'),
      line: row.line,
    };
  }

  missingTap(row: Row): MissingTap {
    return {
      missing: row.get('missing') as MissingTap['missing'],
      stop: row.get('stop_id'),
      ...riding(row),
      charge: row.get('charge') as MissingTap['charge'],
      amountMinor: this.#amount(row, 'amount'),
      line: row.line,
    };
  }

  sameStation(row: Row): SameStation {
    return {
      stop: row.get('stop_id'),
      ...riding(row),
      untilMs: minutesOrNull(row, 'until_minutes'),
      charge: row.get('charge') as SameStation['charge'],
      amountMinor: this.#amount(row, 'amount'),
      reentryMs: minutesOrNull(row, 'reentry_minutes'),
      line: row.line,
    };
  }

  timeLimit(row: Row): TimeLimit {
    return {
      network: row.get('network_id'),
      zones: wholeOrNull(row, 'zones'),
      period: row.get('period_id'),
      limitMs: minutes(row, 'minutes'),
      charge: row.get('charge') as TimeLimit['charge'],
      amountMinor: this.#amount(row, 'amount'),
      line: row.line,
    };
  }
}
