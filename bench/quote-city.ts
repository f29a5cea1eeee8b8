/** A made-up city as a GTFS feed: stations in zones, fares by pair of zones, two networks. */
import type { GtfsSource } from '../engine/operator/gtfs-files.ts';

const STATIONS_PER_ZONE = 10;

/** The feed's files; with 1,000 stations 100 zones and some 20,000 leg rules. */
export function citySource(stations: number): GtfsSource {
  const zones = Math.max(2, Math.ceil(stations / STATIONS_PER_ZONE));
  const zoneOf = (station: number) => station % zones;
  const all = (count: number) => Array.from({ length: count }, (_, i) => i);
  const rules = all(zones).flatMap((from) =>
    all(zones).flatMap((to) => {
      const step = Math.min(Math.abs(from - to), 19);
      const rail = `rail,rail,z${from},z${to},,,step${step}`;
      const peak = `rail,rail,z${from},z${to},peak,,peak${step}`;
      return [rail, peak];
    }),
  );
  const products = all(20).flatMap((step) => [
    `step${step},${(2 + step / 4).toFixed(2)},EUR`,
    `peak${step},${(1.75 + step / 4).toFixed(2)},EUR`,
  ]);
  const texts: Record<string, string> = {
    'agency.txt': 'agency_name,agency_url,agency_timezone\nCity,http://c,America/New_York\n',
    'stops.txt': table(
      'stop_id,stop_name,stop_lat,stop_lon',
      all(stations).map((i) => `s${i},Station ${i},1,1`),
    ),
    'routes.txt': table('route_id,route_short_name,route_type,network_id', [
      'R,R,1,rail',
      'B,B,3,bus',
    ]),
    'calendar.txt': table(
      'service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date',
      ['work,1,1,1,1,1,0,0,20240101,20241231'],
    ),
    'timeframes.txt': table('timeframe_group_id,start_time,end_time,service_id', [
      'peak,07:00:00,09:30:00,work',
      'peak,16:00:00,19:00:00,work',
    ]),
    'areas.txt': table(
      'area_id',
      all(zones).map((zone) => `z${zone}`),
    ),
    'stop_areas.txt': table(
      'area_id,stop_id',
      all(stations).map((i) => `z${zoneOf(i)},s${i}`),
    ),
    'fare_products.txt': table('fare_product_id,amount,currency', [...products, 'bus,1.50,EUR']),
    'fare_leg_rules.txt': table(
      'leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,' +
        'to_timeframe_group_id,fare_product_id,rule_priority',
      [...rules, 'bus,bus,,,,,bus,'].map((row) => (row.startsWith('rail') ? `${row},` : row)),
    ),
    'fare_transfer_rules.txt': table(
      'from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,' +
        'fare_transfer_type,fare_product_id',
      ['rail,bus,,5400,1,0,', 'bus,rail,,5400,1,1,', 'bus,bus,2,5400,1,0,'],
    ),
  };
  const files = new Map(
    Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]),
  );
  return { files, names: [...files.keys()] };
}

function table(header: string, rows: readonly string[]): string {
  return `${[header, ...rows].join('\n')}\n`;
}
