/**
 * The extension tables as data: docs/fare-extensions.md, every file with every field. What one
 * field's value depends on in another is in `check.ts`.
 */

import {
  FARE_LINK_METRES_MAX,
  FARE_METRES_MAX,
  FARE_MINUTES_MAX,
  FARE_RIDES_MAX,
  FARE_WINDOW_DAYS_MAX,
  JOURNEY_LEGS_MAX,
} from '../../limits.ts';
import { type FieldSpec, type FileSpec, oneOf, refers, required, text } from '../gtfs/spec.ts';
import { productSpecs } from './products.ts';

const flag = oneOf(true, '0', '1');
const amount: FieldSpec = { type: 'amount', isRequired: false };
const amountRequired: FieldSpec = { type: 'amount', isRequired: true };
const time: FieldSpec = { type: 'time', isRequired: true };
const minutes = whole(false, 0, FARE_MINUTES_MAX);
const minutesRequired = whole(true, 0, FARE_MINUTES_MAX);
const percent = whole(false, 0, 100);
const metres = whole(false, 1, FARE_METRES_MAX);
const stop = refers(false, 'stops.txt:stop_id');
const stopRequired = refers(true, 'stops.txt:stop_id');
const network = refers(false, 'routes.txt:network_id', 'networks.txt:network_id');
const rider = refers(false, 'rider_categories.txt:rider_category_id');
const medium = refers(false, 'fare_media.txt:fare_media_id');
const period = refers(false, 'faregate_periods.txt:period_id');
const zone = refers(true, 'faregate_zones.txt:zone_id');
const zoneSet = refers(false, 'faregate_zone_sets.txt:zone_set_id');
const tariff = refers(true, 'faregate_tariff_steps.txt:tariff_id');
const station = refers(true, 'faregate_stations.txt:stop_id');

export const WEEKDAYS: readonly string[] = [
  ...['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
];

function whole(isRequired: boolean, least: number, most: number): FieldSpec {
  return { type: 'whole', isRequired, least, most };
}

const rides = {
  rider_category_id: rider,
  fare_media_id: medium,
  network_id: network,
};

export const termsSpecs: Readonly<Record<string, FileSpec>> = {
  'faregate_settings.txt': {
    key: [],
    fields: {
      timezone: { type: 'timezone', isRequired: false },
      service_day_start: { type: 'time', isRequired: false },
      week_start: oneOf(false, ...WEEKDAYS),
      minimum_balance: amount,
      negative_balance: amount,
    },
  },
  'faregate_holidays.txt': {
    key: ['date'],
    fields: {
      date: { type: 'date', isRequired: true },
      day_type: oneOf(true, ...WEEKDAYS),
      holiday_name: text,
    },
  },
  'faregate_periods.txt': {
    key: [],
    fields: {
      period_id: required,
      ...Object.fromEntries(WEEKDAYS.map((name) => [name, flag])),
      start_time: time,
      end_time: time,
    },
  },
  'faregate_zones.txt': {
    key: ['zone_id'],
    fields: { zone_id: required, zone_number: whole(true, 0, 1000) },
  },
  'faregate_stop_zones.txt': { key: [], fields: { zone_id: zone, stop_id: stopRequired } },
  'faregate_zone_sets.txt': { key: [], fields: { zone_set_id: required, zone_id: zone } },
  'faregate_discounts.txt': {
    key: [],
    fields: { ...rides, period_id: period, percent, amount_off: amount, round_to: amount },
  },
  'faregate_transfers.txt': {
    key: [],
    fields: {
      from_network_id: network,
      to_network_id: network,
      rider_category_id: rider,
      fare_media_id: medium,
      minutes: minutesRequired,
      duration_type: oneOf(false, '0', '1', '2', '3'),
      transfer_count: whole(false, 1, FARE_RIDES_MAX),
      percent,
      amount_off: amount,
      round_to: amount,
    },
  },
  'faregate_cumulative.txt': {
    key: ['scheme_id', 'from_amount'],
    fields: {
      scheme_id: required,
      ...rides,
      span: oneOf(true, 'day', 'week', 'month'),
      from_amount: amountRequired,
      percent: whole(true, 0, 100),
      round_to: amount,
    },
  },
  'faregate_caps.txt': {
    key: ['cap_id'],
    fields: {
      cap_id: required,
      ...rides,
      zone_set_id: zoneSet,
      period_id: period,
      span: oneOf(true, 'day', 'week', 'month', 'rolling', 'from_first'),
      days: whole(false, 1, FARE_WINDOW_DAYS_MAX),
      amount,
      rides: whole(false, 1, FARE_RIDES_MAX),
    },
  },
  'faregate_passes.txt': {
    key: ['pass_id'],
    fields: {
      pass_id: required,
      rider_category_id: rider,
      network_id: network,
      zone_set_id: zoneSet,
      period_id: period,
      days: whole(false, 1, 3660),
      starts: oneOf(false, 'purchase', 'first_ride'),
      rides: whole(false, 1, FARE_RIDES_MAX),
    },
  },
  'faregate_missing_taps.txt': {
    key: [],
    fields: {
      missing: oneOf(true, 'entry', 'exit'),
      stop_id: stop,
      ...rides,
      charge: oneOf(true, 'amount', 'maximum', 'usual', 'none'),
      amount,
    },
  },
  'faregate_same_station.txt': {
    key: [],
    fields: {
      stop_id: stop,
      ...rides,
      until_minutes: minutes,
      charge: oneOf(true, 'fare', 'amount', 'minimum', 'maximum', 'incomplete', 'none'),
      amount,
      reentry_minutes: minutes,
    },
  },
  'faregate_time_limits.txt': {
    key: [],
    fields: {
      network_id: network,
      zones: whole(false, 1, 1000),
      period_id: period,
      minutes: minutesRequired,
      charge: oneOf(true, 'incomplete', 'surcharge', 'maximum'),
      amount,
    },
  },
  'faregate_interchanges.txt': {
    key: [],
    fields: {
      from_stop_id: stop,
      to_stop_id: stop,
      minutes: minutesRequired,
      period_id: period,
      switch_id: text,
    },
  },
  'faregate_continuations.txt': {
    key: [],
    fields: {
      from_network_id: network,
      to_network_id: network,
      rider_category_id: rider,
      transfers: whole(true, 0, JOURNEY_LEGS_MAX - 1),
      total_minutes: minutesRequired,
      gap_minutes: minutesRequired,
      repeats: oneOf(false, '0', '1'),
      pricing: oneOf(false, 'sum', 'distance', 'through'),
    },
  },
  ...productSpecs,
};

/** What a fare set is made of where its fares go by distance. */
export const tariffSpecs: Readonly<Record<string, FileSpec>> = {
  'faregate_tariffs.txt': {
    key: ['tariff_id'],
    fields: { tariff_id: tariff, grace_metres: whole(false, 0, FARE_METRES_MAX), maximum: amount },
  },
  'faregate_tariff_steps.txt': {
    key: [],
    fields: {
      tariff_id: required,
      upto_metres: metres,
      every_metres: metres,
      amount: amountRequired,
    },
  },
  'faregate_tariff_riders.txt': {
    key: ['rider_category_id'],
    fields: { rider_category_id: required, tariff_id: tariff, percent, round_to: amount },
  },
  'faregate_stations.txt': { key: ['stop_id'], fields: { stop_id: required, stop_name: text } },
  'faregate_links.txt': {
    key: ['from_stop_id', 'to_stop_id'],
    fields: {
      from_stop_id: station,
      to_stop_id: station,
      metres: whole(true, 1, FARE_LINK_METRES_MAX),
      direction: oneOf(false, '0', '1'),
    },
  },
  'faregate_distances.txt': {
    key: ['from_stop_id', 'to_stop_id'],
    fields: {
      from_stop_id: station,
      to_stop_id: station,
      metres: whole(true, 0, FARE_METRES_MAX),
    },
  },
};
