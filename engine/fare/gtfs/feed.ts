/**
 * A GTFS feed as far as fares go: records that were checked, with the line each stands on. Ids are
 * those of the feed; '' is an empty value, whose meaning is the compiler's business.
 */
import { GTFS_DAYS_MAX, GTFS_PRICES_MAX } from '../../limits.ts';
import { type Currency, currencyOf } from '../currencies.ts';
import { checkTerms } from '../terms/check.ts';
import { readTerms } from '../terms/read.ts';
import { termsSpecs } from '../terms/schema.ts';
import type { FareTerms } from '../terms/terms.ts';
import { checkReferences, checkValues, type Tables } from './columns.ts';
import { formatDate, parseDate, parseTime, parseWhole } from './fields.ts';
import { Findings } from './findings.ts';
import { checkPlaces } from './places.ts';
import { parsePrice, parseProductAmount } from './prices.ts';
import { checkRules, hasFaresV2 } from './rules.ts';
import {
  ATTRIBUTES,
  fileSpecs,
  LEG_RULES,
  otherFiles,
  PRODUCTS,
  TRANSFER_RULES,
} from './schema.ts';
import { type CsvFile, type Row, Table } from './table.ts';
import { daysOf } from './timeframes.ts';

export interface Stop {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  /** 0 stop or platform, 1 station, 2 entrance, 3 node, 4 boarding area. */
  readonly type: number;
  readonly parent: string;
  readonly timezone: string;
}

export interface Route {
  readonly id: string;
  readonly agency: string;
  /** By routes.txt or route_networks.txt; '' for none. */
  readonly network: string;
}

/** Days, since 1970, on which a service runs. */
export interface Service {
  readonly id: string;
  /** Monday first. */
  readonly weekdays: readonly boolean[];
  readonly startDay: number;
  readonly endDay: number;
  readonly added: readonly number[];
  readonly removed: readonly number[];
}

export interface Timeframe {
  readonly group: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly service: string;
  readonly line: number;
}

export interface Rider {
  readonly id: string;
  readonly isDefault: boolean;
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly rider: string;
  readonly media: string;
  readonly amountMinor: number;
  readonly line: number;
}

export interface LegRule {
  readonly group: string;
  readonly network: string;
  readonly from: string;
  readonly to: string;
  readonly fromTimeframe: string;
  readonly toTimeframe: string;
  readonly product: string;
  readonly priority: number;
  readonly isTransferOnly: boolean;
  readonly line: number;
}

export interface JoinRule {
  readonly fromNetwork: string;
  readonly toNetwork: string;
  readonly fromStop: string;
  readonly toStop: string;
  readonly line: number;
}

export interface TransferRule {
  readonly fromGroup: string;
  readonly toGroup: string;
  /** -1 without limit; of rules between two groups too. */
  readonly count: number;
  /** 0: no limit. */
  readonly limitSeconds: number;
  readonly limitType: number;
  readonly type: number;
  /** '': the transfer costs nothing. */
  readonly product: string;
  /** '': the leg before may have been paid with any product. */
  readonly filterProduct: string;
  readonly line: number;
}

/** `fare_attributes.txt` of version 1. */
export interface Fare {
  readonly id: string;
  readonly amountMinor: number;
  readonly isPaidBefore: boolean;
  /** -1: without limit. */
  readonly transfers: number;
  readonly agency: string;
  /** 0: none given. */
  readonly durationSeconds: number;
  readonly line: number;
}

export interface FareRule {
  readonly fare: string;
  readonly route: string;
  readonly origin: string;
  readonly destination: string;
  readonly contains: string;
  readonly line: number;
}

export interface GtfsFeed {
  /** Which fares are read; those of version 2 where the feed has both. */
  readonly model: 'v1' | 'v2';
  readonly currency: Currency;
  readonly timezone: string;
  readonly stops: readonly Stop[];
  readonly routes: readonly Route[];
  readonly networks: readonly string[];
  readonly services: readonly Service[];
  readonly stopAreas: readonly { readonly stop: string; readonly area: string }[];
  readonly timeframes: readonly Timeframe[];
  readonly riders: readonly Rider[];
  readonly media: readonly string[];
  readonly products: readonly Product[];
  /** Whether fare_leg_rules.txt has the field rule_priority. */
  readonly hasPriority: boolean;
  readonly legRules: readonly LegRule[];
  readonly joinRules: readonly JoinRule[];
  readonly transferRules: readonly TransferRule[];
  readonly fares: readonly Fare[];
  readonly fareRules: readonly FareRule[];
  /** What the extension tables say; null where the feed has none. */
  readonly terms: FareTerms | null;
}

export interface CheckedFeed {
  readonly findings: Findings;
  /** null where there are errors: such a feed is never used. */
  readonly feed: GtfsFeed | null;
}

/**
 * Checks a feed and reads what fares need of it.
 * @param files those of the schema, as read
 * @param names all files of the feed
 */
export function checkFeed(files: readonly CsvFile[], names: readonly string[]): CheckedFeed {
  const findings = new Findings();
  for (const file of names) {
    if (file in fileSpecs || otherFiles.has(file)) continue;
    findings.notice('unknown_file', { file }, 'not in the standard, and not read');
  }
  const tables: Tables = new Map(files.map((file) => [file.name, new Table(file, findings)]));
  checkPlaces(tables, new Set(names), findings);
  checkValues(tables, findings);
  checkReferences(tables, findings);
  checkRules(tables, findings);
  checkTerms(tables, currencyIn(tables)?.decimals ?? 2, tables.has('agency.txt'), findings);
  if (findings.errors > 0) return { findings, feed: null };
  const feed = readFeed(tables);
  checkSpan(feed, findings);
  checkPriceCount(feed, findings);
  return { findings, feed: findings.errors > 0 ? null : feed };
}

/** Timeframes are compiled day by day, so the days they name have a bound. */
function checkSpan(feed: GtfsFeed, findings: Findings): void {
  const days = daysOf(feed);
  if (!days || days.last - days.first < GTFS_DAYS_MAX) return;
  const message = `services from ${formatDate(days.first)} to ${formatDate(days.last)}`;
  const place = { file: 'timeframes.txt', line: feed.timeframes[0]!.line, field: 'service_id' };
  findings.error('services_too_long', place, `${message}, over the bound of ${GTFS_DAYS_MAX} days`);
}

/** Prices are compiled to one for each product, rider category and fare medium there is. */
function checkPriceCount({ products, riders, media }: GtfsFeed, findings: Findings): void {
  const ids = new Set(products.map(({ id }) => id)).size;
  const count = ids * (riders.length + 1) * (media.length + 1);
  if (count <= GTFS_PRICES_MAX) return;
  const message =
    `${ids} products for ${riders.length} rider categories and ${media.length} fare media, ` +
    `over the bound of ${GTFS_PRICES_MAX} prices`;
  findings.error('too_many_prices', { file: PRODUCTS }, message);
}

/** The currency of the fares that are read; null where a feed with errors has none. */
function currencyIn(tables: Tables): Currency | null {
  const first = hasFaresV2(tables)
    ? tables.get(PRODUCTS)?.rows[0]?.get('currency')
    : tables.get(ATTRIBUTES)?.rows[0]?.get('currency_type');
  return currencyOf(first ?? '') ?? null;
}

function readFeed(tables: Tables): GtfsFeed {
  const rows = (file: string): readonly Row[] => tables.get(file)?.rows ?? [];
  const isV2 = hasFaresV2(tables);
  const currency = currencyIn(tables)!;
  const { decimals } = currency;
  const timezone = rows('agency.txt')[0]!.get('agency_timezone');
  const hasTerms = [...tables.keys()].some((name) => name in termsSpecs);
  const networkOf = new Map(
    rows('route_networks.txt').map((row) => [row.get('route_id'), row.get('network_id')]),
  );
  const routes = rows('routes.txt').map((row) => ({
    id: row.get('route_id'),
    agency: row.get('agency_id'),
    network: row.get('network_id') || (networkOf.get(row.get('route_id')) ?? ''),
  }));
  const listed = rows('networks.txt').map((row) => row.get('network_id'));
  const used = routes.flatMap(({ network }) => (network === '' ? [] : [network]));
  return {
    model: isV2 ? 'v2' : 'v1',
    currency,
    timezone,
    stops: rows('stops.txt').map(readStop),
    routes,
    networks: [...new Set([...listed, ...used])],
    services: readServices(rows('calendar.txt'), rows('calendar_dates.txt')),
    stopAreas: rows('stop_areas.txt').map((row) => ({
      stop: row.get('stop_id'),
      area: row.get('area_id'),
    })),
    timeframes: rows('timeframes.txt').map(readTimeframe),
    riders: rows('rider_categories.txt').map((row) => ({
      id: row.get('rider_category_id'),
      isDefault: row.get('is_default_fare_category') === '1',
    })),
    media: rows('fare_media.txt').map((row) => row.get('fare_media_id')),
    products: isV2 ? rows(PRODUCTS).map((row) => readProduct(row, decimals)) : [],
    hasPriority: tables.get(LEG_RULES)?.has('rule_priority') ?? false,
    legRules: rows(LEG_RULES).map(readLegRule),
    joinRules: isV2 ? rows('fare_leg_join_rules.txt').map(readJoinRule) : [],
    transferRules: isV2 ? rows(TRANSFER_RULES).map(readTransferRule) : [],
    fares: isV2 ? [] : rows(ATTRIBUTES).map((row) => readFare(row, decimals)),
    fareRules: isV2 ? [] : rows('fare_rules.txt').map(readFareRule),
    terms: hasTerms ? readTerms(tables, decimals, timezone) : null,
  };
}

function readStop(row: Row): Stop {
  return {
    id: row.get('stop_id'),
    name: row.get('stop_name'),
    zone: row.get('zone_id'),
    type: Number(row.get('location_type') || '0'),
    parent: row.get('parent_station'),
    timezone: row.get('stop_timezone'),
  };
}

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

function readServices(calendar: readonly Row[], dates: readonly Row[]): Service[] {
  const added = new Map<string, number[]>();
  const removed = new Map<string, number[]>();
  const ids = new Set(calendar.map((row) => row.get('service_id')));
  for (const row of dates) {
    const id = row.get('service_id');
    ids.add(id);
    const days = row.get('exception_type') === '1' ? added : removed;
    const known = days.get(id);
    const day = parseDate(row.get('date'));
    if (known) known.push(day);
    else days.set(id, [day]);
  }
  const byId = new Map(calendar.map((row) => [row.get('service_id'), row]));
  return [...ids].map((id) => {
    const row = byId.get(id);
    return {
      id,
      weekdays: WEEKDAYS.map((name) => row?.get(name) === '1'),
      startDay: row ? parseDate(row.get('start_date')) : 0,
      endDay: row ? parseDate(row.get('end_date')) : -1,
      added: added.get(id) ?? [],
      removed: removed.get(id) ?? [],
    };
  });
}

function readTimeframe(row: Row): Timeframe {
  return {
    group: row.get('timeframe_group_id'),
    startSeconds: row.get('start_time') === '' ? 0 : parseTime(row.get('start_time')),
    endSeconds: row.get('end_time') === '' ? 86_400 : parseTime(row.get('end_time')),
    service: row.get('service_id'),
    line: row.line,
  };
}

function readProduct(row: Row, decimals: number): Product {
  return {
    id: row.get('fare_product_id'),
    name: row.get('fare_product_name'),
    rider: row.get('rider_category_id'),
    media: row.get('fare_media_id'),
    amountMinor: parseProductAmount(row.get('amount'), decimals) as number,
    line: row.line,
  };
}

function readLegRule(row: Row): LegRule {
  return {
    group: row.get('leg_group_id'),
    network: row.get('network_id'),
    from: row.get('from_area_id'),
    to: row.get('to_area_id'),
    fromTimeframe: row.get('from_timeframe_group_id'),
    toTimeframe: row.get('to_timeframe_group_id'),
    product: row.get('fare_product_id'),
    priority: parseWhole(row.get('rule_priority') || '0'),
    isTransferOnly: row.get('transfer_only') === '1',
    line: row.line,
  };
}

function readJoinRule(row: Row): JoinRule {
  return {
    fromNetwork: row.get('from_network_id'),
    toNetwork: row.get('to_network_id'),
    fromStop: row.get('from_stop_id'),
    toStop: row.get('to_stop_id'),
    line: row.line,
  };
}

function readTransferRule(row: Row): TransferRule {
  return {
    fromGroup: row.get('from_leg_group_id'),
    toGroup: row.get('to_leg_group_id'),
    count: parseWhole(row.get('transfer_count') || '-1'),
    limitSeconds: parseWhole(row.get('duration_limit') || '0'),
    limitType: parseWhole(row.get('duration_limit_type') || '0'),
    type: parseWhole(row.get('fare_transfer_type')),
    product: row.get('fare_product_id'),
    filterProduct: row.get('filter_fare_product_id'),
    line: row.line,
  };
}

function readFare(row: Row, decimals: number): Fare {
  return {
    id: row.get('fare_id'),
    amountMinor: parsePrice(row.get('price'), decimals) as number,
    isPaidBefore: row.get('payment_method') === '1',
    transfers: parseWhole(row.get('transfers') || '-1'),
    agency: row.get('agency_id'),
    durationSeconds: parseWhole(row.get('transfer_duration') || '0'),
    line: row.line,
  };
}

function readFareRule(row: Row): FareRule {
  return {
    fare: row.get('fare_id'),
    route: row.get('route_id'),
    origin: row.get('origin_id'),
    destination: row.get('destination_id'),
    contains: row.get('contains_id'),
    line: row.line,
  };
}
