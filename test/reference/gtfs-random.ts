/**
 * Small random GTFS feeds, without errors, and journeys in them, for fast-check: both forms of
 * empty entries, ties of priority, transfers of all types, counts and limits, timeframes around a
 * change of clocks, joins, riders and media.
 */
import fc from 'fast-check';
import type { TwinLeg } from './gtfs-evaluator.ts';
import type { Texts } from './gtfs-feeds.ts';

export interface RandomJourney {
  readonly legs: readonly TwinLeg[];
  readonly rider: string | null;
  readonly media: string | null;
}

/** Two platforms of a station, one of a station in another time zone, and three stops. */
const STOPS = ['s1', 'p1', 'p2', 's2', 'p3', 'a', 'b', 'c'];
const NETWORKS = ['n1', 'n2', 'n3'];
const DRAWN_NETWORKS = ['n1', 'n1', 'n1', 'n2', 'n2', 'n3'];
const AREAS = ['x', 'y', 'z'];
/** Some more often than others, so that rules meet legs. */
const GROUPS = ['g', 'g', 'g', 'h', 'h', 'i'];
const PRODUCTS = ['one', 'two', 'three', 'four'];
const TIMEFRAMES = ['peak', 'night', 'weekend'];

const stopsText = `stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_timezone
s1,One,1,1,1,,
p1,One,1,1,0,s1,
p2,One,1,1,,s1,
s2,Two,1,1,1,,Europe/London
p3,Two,1,1,0,s2,
a,A,1,1,,,
b,B,1,1,,,
c,C,1,1,,,Asia/Kolkata
`;

/** Clocks go forward on 2024-03-10 in New York, on 2024-03-31 in London. */
const fixed: Texts = {
  agency: 'agency_name,agency_url,agency_timezone\nT,http://t,America/New_York\n',
  stops: stopsText,
  calendar: `service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
work,1,1,1,1,1,0,0,20240301,20240402
rest,0,0,0,0,0,1,1,20240301,20240402
`,
  calendar_dates: 'service_id,date,exception_type\nwork,20240311,2\nrest,20240311,1\n',
  timeframes: `timeframe_group_id,start_time,end_time,service_id
peak,07:00:00,09:00:00,work
peak,16:30:00,19:00:00,work
night,22:00:00,24:00:00,work
night,0:00:00,3:00:00,rest
weekend,,,rest
`,
  rider_categories:
    'rider_category_id,rider_category_name,is_default_fare_category\nadult,A,1\nchild,C,0\n',
  fare_media: 'fare_media_id,fare_media_name,fare_media_type\ncard,C,2\ncash,M,0\n',
  areas: `area_id\n${AREAS.join('\n')}\nlone\n`,
};

const pick = (...values: string[]) => fc.constantFrom(...values);
const orEmpty = (values: readonly string[], empty = 1) =>
  pick(...values, ...Array<string>(empty).fill(''));

/** Rows whose first `key` columns are a key are there once. */
function csv(header: string, rows: readonly (readonly string[])[], key: readonly number[]): string {
  return `${[header, ...once(rows, key).map((row) => row.join())].join('\n')}\n`;
}

function once<T extends readonly unknown[]>(rows: readonly T[], key: readonly number[]): T[] {
  return [...new Map(rows.map((row) => [key.map((i) => row[i]).join(), row])).values()];
}

const stopAreas = fc.array(fc.tuple(pick(...AREAS, 'lone'), pick(...STOPS)), { maxLength: 8 });

const products = fc
  .array(
    fc.tuple(
      pick(...PRODUCTS),
      orEmpty(['adult', 'child']),
      orEmpty(['card', 'cash']),
      pick('0.00', '1.00', '1.50', '2.40', '3.10', '-0.50'),
    ),
    { maxLength: 6 },
  )
  // A product for anyone keeps most journeys priced; `four` is not always to be had.
  .map((rows) => [
    ...rows.map((row) => [...row, 'USD']),
    ...PRODUCTS.slice(0, 3).map((id, i) => [id, '', '', `${i + 1}.25`, 'USD']),
    ['four', 'adult', 'card', '0.75', 'USD'],
  ]);

const legRules = fc.array(
  fc.tuple(
    orEmpty(GROUPS),
    orEmpty(DRAWN_NETWORKS, 6),
    orEmpty(AREAS, 6),
    orEmpty(AREAS, 6),
    orEmpty(TIMEFRAMES, 9),
    orEmpty(TIMEFRAMES, 15),
    pick(...PRODUCTS),
    pick('', '0', '1', '1', '2'),
    pick('', '', '', '0', '1'),
  ),
  { minLength: 1, maxLength: 8 },
);

const transferRule = fc
  .tuple(
    orEmpty(GROUPS),
    orEmpty(GROUPS),
    pick('-1', '1', '2', '3'),
    pick('', '', '600', '1800', '3600', '5400'),
    pick('0', '1', '2', '3'),
    pick('0', '1', '2'),
    orEmpty([...PRODUCTS, 'four', 'four'], 3),
    orEmpty(PRODUCTS, 12),
  )
  .map(([from, to, count, limit, limitType, type, product, filter]) => [
    from,
    to,
    from === to ? count : '',
    limit,
    limit === '' ? '' : limitType,
    type,
    product,
    filter,
  ]);

const joinRules = fc.array(
  fc.tuple(
    pick(...NETWORKS),
    pick(...NETWORKS),
    fc.option(fc.tuple(pick(...STOPS), pick(...STOPS))),
  ),
  { maxLength: 2 },
);

/** A feed's texts; `hasPriority` decides which form of empty entries it has. */
export const feedTexts: fc.Arbitrary<Texts> = fc
  .record({
    stopAreas,
    products,
    legRules,
    hasPriority: fc.boolean(),
    transfers: fc.array(transferRule, { maxLength: 8 }),
    joins: joinRules,
  })
  .map(({ stopAreas, products, legRules: drawn, hasPriority, transfers, joins }) => {
    const legRules = once(drawn, [1, 2, 3, 4, 5, 6]);
    const groups = new Set(legRules.map(([group]) => group));
    const isKnown = (group: string) => group === '' || groups.has(group);
    const known = transfers.filter(([from = '', to = '']) => isKnown(from) && isKnown(to));
    const rules = legRules.map((row) => (hasPriority ? row : [...row.slice(0, 7), row[8]]));
    const legHeader = [
      ...['leg_group_id', 'network_id', 'from_area_id', 'to_area_id', 'from_timeframe_group_id'],
      ...['to_timeframe_group_id', 'fare_product_id', ...(hasPriority ? ['rule_priority'] : [])],
      'transfer_only',
    ];
    const transferHeader =
      'from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,' +
      'fare_transfer_type,fare_product_id,filter_fare_product_id';
    return {
      ...fixed,
      routes: `route_id,route_short_name,route_type,network_id\n${NETWORKS.map((n) => `r${n},R,3,${n}`).join('\n')}\nr0,R,3,\n`,
      stop_areas: csv('area_id,stop_id', stopAreas, [0, 1]),
      fare_products: csv(
        'fare_product_id,rider_category_id,fare_media_id,amount,currency',
        products,
        [0, 1, 2],
      ),
      fare_leg_rules: csv(
        legHeader.join(),
        rules.map((row) => row.map((v) => v ?? '')),
        [1, 2, 3, 4, 5, 6],
      ),
      fare_transfer_rules: csv(transferHeader, known, [0, 1, 6, 2, 3]),
      fare_leg_join_rules: csv(
        'from_network_id,to_network_id,from_stop_id,to_stop_id',
        joins.map(([from, to, stops]) => [from, to, stops?.[0] ?? '', stops?.[1] ?? '']),
        [0, 1, 2, 3],
      ),
    };
  });

const MINUTE_MS = 60_000;
/** Around changes of clocks, of days and of timeframes, in UTC. */
const starts = [
  ...['2024-03-08T12:00Z', '2024-03-08T21:30Z', '2024-03-10T04:50Z', '2024-03-10T07:00Z'],
  ...['2024-03-11T11:00Z', '2024-03-31T00:55Z', '2024-04-02T22:00Z', '2024-04-03T03:55Z'],
].map((text) => Date.parse(text));

/** One to five legs, often from where the one before ended. */
export const journey: fc.Arbitrary<RandomJourney> = fc
  .record({
    start: fc.constantFrom(...starts),
    offset: fc.integer({ min: 0, max: 24 }),
    legs: fc.array(
      fc.record({
        from: pick(...STOPS),
        to: pick(...STOPS),
        isFollowing: fc.boolean(),
        network: orEmpty(DRAWN_NETWORKS),
        wait: fc.integer({ min: 0, max: 6 }),
        ride: fc.integer({ min: 0, max: 8 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    rider: fc.constantFrom(null, 'adult', 'child'),
    media: fc.constantFrom(null, 'card', 'cash'),
  })
  .map(({ start, offset, legs, rider, media }) => {
    let now = start + offset * 5 * MINUTE_MS;
    let last = '';
    return {
      rider,
      media,
      legs: legs.map(({ from, to, isFollowing, network, wait, ride }) => {
        const departureMs = now + wait * 5 * MINUTE_MS;
        const arrivalMs = departureMs + ride * 5 * MINUTE_MS;
        const boarded = isFollowing && last !== '' ? last : from;
        now = arrivalMs;
        last = to;
        return { from: boarded, to, network, departureMs, arrivalMs };
      }),
    };
  });
