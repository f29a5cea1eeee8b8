/**
 * The files of a GTFS feed that fares stand in or refer to, with every field of each, as data:
 * GTFS Schedule reference, "Field Definitions". What one field's value depends on in another is in
 * `rules.ts`.
 */
import { termsSpecs } from '../terms/schema.ts';
import { type FieldSpec, type FileSpec, oneOf, refers, required, text } from './spec.ts';

const flag = oneOf(true, '0', '1');
const day: FieldSpec = { type: 'date', isRequired: true };
const time: FieldSpec = { type: 'time', isRequired: false };
const NETWORKS = ['routes.txt:network_id', 'networks.txt:network_id'];

/** Fields of any text that fares do not read. */
function plain(names: string): Record<string, FieldSpec> {
  return Object.fromEntries(names.split(' ').map((name) => [name, text]));
}

const timeframeGroup: FieldSpec = {
  ...refers(false, 'timeframes.txt:timeframe_group_id'),
  isDanglingHarmless: true,
};

export const fileSpecs: Readonly<Record<string, FileSpec>> = {
  'agency.txt': {
    key: ['agency_id'],
    fields: {
      agency_id: text,
      agency_name: required,
      agency_url: required,
      agency_timezone: { type: 'timezone', isRequired: true },
      ...plain('agency_lang agency_phone agency_fare_url agency_email cemv_support'),
    },
  },
  'stops.txt': {
    key: ['stop_id'],
    fields: {
      stop_id: required,
      stop_name: text,
      stop_lat: { type: 'latitude', isRequired: false },
      stop_lon: { type: 'longitude', isRequired: false },
      zone_id: text,
      location_type: oneOf(false, '0', '1', '2', '3', '4'),
      parent_station: refers(false, 'stops.txt:stop_id'),
      stop_timezone: { type: 'timezone', isRequired: false },
      ...plain('stop_code tts_stop_name stop_desc stop_url wheelchair_boarding level_id'),
      ...plain('platform_code stop_access'),
    },
  },
  'routes.txt': {
    key: ['route_id'],
    fields: {
      route_id: required,
      agency_id: refers(false, 'agency.txt:agency_id'),
      route_type: { type: 'whole', isRequired: true, least: 0 },
      network_id: text,
      ...plain('route_short_name route_long_name route_desc route_url route_color'),
      ...plain('route_text_color route_sort_order continuous_pickup continuous_drop_off'),
      ...plain('cemv_support'),
    },
  },
  'calendar.txt': {
    key: ['service_id'],
    fields: {
      service_id: required,
      monday: flag,
      tuesday: flag,
      wednesday: flag,
      thursday: flag,
      friday: flag,
      saturday: flag,
      sunday: flag,
      start_date: day,
      end_date: day,
    },
  },
  'calendar_dates.txt': {
    key: ['service_id', 'date'],
    fields: { service_id: required, date: day, exception_type: oneOf(true, '1', '2') },
  },
  'fare_attributes.txt': {
    key: ['fare_id'],
    fields: {
      fare_id: required,
      price: required,
      currency_type: { type: 'currency', isRequired: true },
      payment_method: oneOf(true, '0', '1'),
      transfers: oneOf(false, '0', '1', '2'),
      agency_id: refers(false, 'agency.txt:agency_id'),
      transfer_duration: { type: 'whole', isRequired: false, least: 0 },
    },
  },
  'fare_rules.txt': {
    key: [],
    fields: {
      fare_id: refers(true, 'fare_attributes.txt:fare_id'),
      route_id: refers(false, 'routes.txt:route_id'),
      origin_id: refers(false, 'stops.txt:zone_id'),
      destination_id: refers(false, 'stops.txt:zone_id'),
      contains_id: refers(false, 'stops.txt:zone_id'),
    },
  },
  'timeframes.txt': {
    key: [],
    fields: {
      timeframe_group_id: required,
      start_time: time,
      end_time: time,
      service_id: refers(true, 'calendar.txt:service_id', 'calendar_dates.txt:service_id'),
    },
  },
  'rider_categories.txt': {
    key: ['rider_category_id'],
    fields: {
      rider_category_id: required,
      rider_category_name: required,
      is_default_fare_category: oneOf(false, '0', '1'),
      eligibility_url: text,
    },
  },
  'fare_media.txt': {
    key: ['fare_media_id'],
    fields: {
      fare_media_id: required,
      fare_media_name: text,
      fare_media_type: oneOf(true, '0', '1', '2', '3', '4'),
    },
  },
  'fare_products.txt': {
    key: ['fare_product_id', 'rider_category_id', 'fare_media_id'],
    fields: {
      fare_product_id: required,
      fare_product_name: text,
      rider_category_id: refers(false, 'rider_categories.txt:rider_category_id'),
      fare_media_id: refers(false, 'fare_media.txt:fare_media_id'),
      amount: required,
      currency: { type: 'currency', isRequired: true },
    },
  },
  'fare_leg_rules.txt': {
    key: [
      ...['network_id', 'from_area_id', 'to_area_id', 'from_timeframe_group_id'],
      ...['to_timeframe_group_id', 'fare_product_id'],
    ],
    fields: {
      leg_group_id: text,
      network_id: refers(false, ...NETWORKS),
      from_area_id: refers(false, 'areas.txt:area_id'),
      to_area_id: refers(false, 'areas.txt:area_id'),
      from_timeframe_group_id: timeframeGroup,
      to_timeframe_group_id: timeframeGroup,
      fare_product_id: refers(true, 'fare_products.txt:fare_product_id'),
      rule_priority: { type: 'whole', isRequired: false, least: 0 },
      // Of the MBTA, in no version of the standard; see `rules.ts`.
      transfer_only: oneOf(false, '0', '1'),
    },
  },
  'fare_leg_join_rules.txt': {
    key: ['from_network_id', 'to_network_id', 'from_stop_id', 'to_stop_id'],
    fields: {
      from_network_id: refers(false, ...NETWORKS),
      to_network_id: refers(false, ...NETWORKS),
      from_stop_id: refers(false, 'stops.txt:stop_id'),
      to_stop_id: refers(false, 'stops.txt:stop_id'),
    },
  },
  'fare_transfer_rules.txt': {
    key: [
      ...['from_leg_group_id', 'to_leg_group_id', 'fare_product_id', 'transfer_count'],
      'duration_limit',
    ],
    fields: {
      from_leg_group_id: refers(false, 'fare_leg_rules.txt:leg_group_id'),
      to_leg_group_id: refers(false, 'fare_leg_rules.txt:leg_group_id'),
      transfer_count: { type: 'whole', isRequired: false, least: -1 },
      duration_limit: { type: 'whole', isRequired: false, least: 1 },
      duration_limit_type: oneOf(false, '0', '1', '2', '3'),
      fare_transfer_type: oneOf(true, '0', '1', '2'),
      fare_product_id: refers(false, 'fare_products.txt:fare_product_id'),
      // Of the MBTA, as above.
      filter_fare_product_id: refers(false, 'fare_products.txt:fare_product_id'),
    },
  },
  'areas.txt': { key: ['area_id'], fields: { area_id: required, area_name: text } },
  'stop_areas.txt': {
    key: [],
    fields: {
      area_id: refers(true, 'areas.txt:area_id'),
      stop_id: refers(true, 'stops.txt:stop_id'),
    },
  },
  'networks.txt': { key: ['network_id'], fields: { network_id: required, network_name: text } },
  'route_networks.txt': {
    key: ['route_id'],
    fields: {
      network_id: refers(true, 'networks.txt:network_id'),
      route_id: refers(true, 'routes.txt:route_id'),
    },
  },
  ...termsSpecs,
};

/** The files that a feed is read from, for a copy of it. */
export const fareFiles: readonly string[] = Object.keys(fileSpecs);

/** Files of the standard that no fare refers to; what they hold is not read. */
export const otherFiles: ReadonlySet<string> = new Set([
  ...['trips.txt', 'stop_times.txt', 'shapes.txt', 'frequencies.txt', 'transfers.txt'],
  ...['pathways.txt', 'levels.txt', 'location_groups.txt', 'location_group_stops.txt'],
  ...['locations.geojson', 'booking_rules.txt', 'translations.txt', 'feed_info.txt'],
  'attributions.txt',
]);

/** The files of GTFS-Fares V2 that no feed can do without if it has one of them. */
export const LEG_RULES = 'fare_leg_rules.txt';
export const PRODUCTS = 'fare_products.txt';
export const TRANSFER_RULES = 'fare_transfer_rules.txt';
export const ATTRIBUTES = 'fare_attributes.txt';
