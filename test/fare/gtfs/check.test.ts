/** Every way a feed can be wrong, by file, line and field; and what is only told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brief, checkTexts, type Texts } from '../../reference/gtfs-feeds.ts';
import { small, smallV1 } from '../../reference/gtfs-small.ts';

/** The small feed with one text replaced in one file, or a file left out. */
function changed(file: string, from: string | null, to = '', base: Texts = small): Texts {
  if (from === null) {
    return Object.fromEntries(Object.entries(base).filter(([name]) => name !== file));
  }
  assert(base[file]?.includes(from), `${file} holds ${from}`);
  return { ...base, [file]: base[file]!.replace(from, to) };
}

const expected = [
  'warning missing_required_file trips.txt',
  'warning missing_required_file stop_times.txt',
];

/** Findings of a feed beyond those of every feed without a timetable. */
function found(texts: Texts): string[] {
  return checkTexts(texts)
    .findings.list.map(brief)
    .filter((line) => !expected.includes(line));
}

test('the small feeds are sound', () => {
  assert.deepEqual(found(small), []);
  assert.deepEqual(
    found(smallV1).filter((line) => !line.includes('calendar.txt')),
    [],
  );
});

const broken: [what: string, texts: Texts, ...findings: string[]][] = [
  ['agency.txt missing', changed('agency', null), 'error missing_required_file agency.txt'],
  ['stops.txt missing', changed('stops', null), 'error missing_required_file stops.txt'],
  ['no areas.txt', changed('areas', null), 'error missing_required_file areas.txt'],
  ['no stop_areas.txt', changed('stop_areas', null), 'error missing_required_file stop_areas.txt'],
  ['no products', changed('fare_products', null), 'error missing_required_file fare_products.txt'],
  ['no fares', changed('fare_leg_rules', null), 'error missing_required_file fare_leg_rules.txt'],
  ['an empty file', { ...small, areas: '' }, 'error empty_file areas.txt'],
  [
    'no rule',
    { ...small, fare_leg_rules: 'fare_product_id\n' },
    'error empty_file fare_leg_rules.txt',
  ],
  [
    'a column missing',
    changed('fare_products', ',amount,', ',amout,'),
    'notice unknown_column fare_products.txt:1 amout',
    'error missing_required_column fare_products.txt:1 amount',
  ],
  [
    'a column twice',
    changed('areas', 'area_name', 'area_id'),
    'error duplicated_column areas.txt:1 area_id',
  ],
  ['a short row', changed('areas', 'outer,Outer', 'outer'), 'error invalid_row_length areas.txt:3'],
  ['an open quote', changed('areas', 'outer,', '"outer,'), 'error csv_parsing_failed areas.txt:3'],
  [
    'a line break',
    changed('areas', 'Outer', '"Ou\nter"'),
    'error new_line_in_value areas.txt:4 area_name',
  ],
  [
    'not UTF-8',
    changed('areas', 'Outer', 'O\ufffdter'),
    'error invalid_character areas.txt:3 area_name',
  ],
  ['a key twice', changed('areas', 'outer', 'inner'), 'error duplicate_key areas.txt:3 area_id'],
  [
    'a rule twice',
    changed('fare_leg_rules', 'ride,metro,,,,,cheap', 'other,metro,,,peak,,single'),
    'error duplicate_key fare_leg_rules.txt:3',
  ],
  [
    'an empty id',
    changed('fare_products', 'cheap,Off', ',Off'),
    'error missing_required_field fare_products.txt:5 fare_product_id',
  ],
  [
    'no such area',
    changed('stop_areas', 'outer', 'outr'),
    'error foreign_key_violation stop_areas.txt:3 area_id',
    'warning area_without_stops fare_leg_rules.txt:4 to_area_id',
  ],
  [
    'no such network',
    changed('fare_leg_rules', 'bus,bus,', 'bus,tram,'),
    'error foreign_key_violation fare_leg_rules.txt:4 network_id',
  ],
  [
    'no such timeframe: the rule matches nothing',
    changed('fare_leg_rules', 'peak', 'pek'),
    'warning foreign_key_violation fare_leg_rules.txt:2 from_timeframe_group_id',
  ],
  [
    'no such leg group',
    changed('fare_transfer_rules', 'ride,bus', 'ride,boat'),
    'error foreign_key_violation fare_transfer_rules.txt:3 to_leg_group_id',
  ],
  [
    'no such rider',
    changed('fare_products', 'senior', 'junior'),
    'error foreign_key_violation fare_products.txt:3 rider_category_id',
  ],
  [
    'no such service',
    changed('timeframes', 'work', 'rest'),
    'error foreign_key_violation timeframes.txt:2 service_id',
  ],
  [
    'a type of no kind',
    changed('fare_media', ',2', ',7'),
    'error unexpected_enum_value fare_media.txt:2 fare_media_type',
  ],
  [
    'a date of no day',
    changed('calendar', '20261231', '20260231'),
    'error invalid_date calendar.txt:2 end_date',
  ],
  [
    'dates in the wrong order',
    changed('calendar', '20261231', '20251231'),
    'error start_and_end_range_out_of_order calendar.txt:2 end_date',
  ],
  [
    'a zone of no place',
    changed('agency', 'Berlin', 'Bonn'),
    'error invalid_timezone agency.txt:2 agency_timezone',
  ],
  [
    'a latitude beyond the pole',
    changed('stops', '52.5', '95'),
    'error number_out_of_range stops.txt:2 stop_lat',
  ],
  [
    'too few decimals',
    changed('fare_products', '2.80', '2.8'),
    'error invalid_currency_amount fare_products.txt:2 amount',
  ],
  [
    'too many decimals',
    changed('fare_products', '2.80', '2.801'),
    'error invalid_currency_amount fare_products.txt:2 amount',
  ],
  [
    'an amount of letters',
    changed('fare_products', '2.80', 'two'),
    'error invalid_currency_amount fare_products.txt:2 amount',
  ],
  [
    'no currency',
    changed('fare_products', 'EUR', 'EUX'),
    'error invalid_currency fare_products.txt:2 currency',
  ],
  [
    'two currencies',
    changed('fare_products', '3.20,EUR', '3.20,USD'),
    'error several_currencies fare_products.txt:4 currency',
  ],
  [
    'a timeframe half open',
    changed('timeframes', '09:00:00', ''),
    'error timeframe_only_start_or_end_time_specified timeframes.txt:2 end_time',
  ],
  [
    'a timeframe past midnight',
    changed('timeframes', '18:00:00', '25:00:00'),
    'error timeframe_start_or_end_time_greater_than_twenty_four_hours timeframes.txt:3 end_time',
  ],
  [
    'a timeframe backwards',
    changed('timeframes', '09:00:00', '06:00:00'),
    'error start_and_end_range_out_of_order timeframes.txt:2 end_time',
  ],
  [
    'timeframes that overlap',
    changed('timeframes', '16:00:00', '08:59:59'),
    'error timeframe_overlap timeframes.txt:3 start_time',
  ],
  [
    'two defaults',
    changed('rider_categories', 'Senior,0', 'Senior,1'),
    'error fare_product_with_multiple_default_rider_categories fare_products.txt:3 rider_category_id',
  ],
  [
    'no default',
    changed('rider_categories', 'Adult,1', 'Adult,'),
    'error fare_product_without_default_rider_category fare_products.txt:2 rider_category_id',
  ],
  [
    'a priority below 0',
    changed('fare_leg_rules', 'single,1', 'single,-1'),
    'error number_out_of_range fare_leg_rules.txt:2 rule_priority',
  ],
  [
    'no transfer_count',
    changed('fare_transfer_rules', 'ride,1,', 'ride,,'),
    'error fare_transfer_rule_missing_transfer_count fare_transfer_rules.txt:2 transfer_count',
  ],
  [
    'a transfer_count too many',
    changed('fare_transfer_rules', 'bus,,', 'bus,1,'),
    'error fare_transfer_rule_with_forbidden_transfer_count fare_transfer_rules.txt:3 transfer_count',
  ],
  [
    'a transfer_count of 0',
    changed('fare_transfer_rules', 'ride,1,', 'ride,0,'),
    'error fare_transfer_rule_invalid_transfer_count fare_transfer_rules.txt:2 transfer_count',
  ],
  [
    'a transfer_count of -2',
    changed('fare_transfer_rules', 'ride,1,', 'ride,-2,'),
    'error number_out_of_range fare_transfer_rules.txt:2 transfer_count',
  ],
  [
    'a limit without a type',
    changed('fare_transfer_rules', '3600,1', '3600,'),
    'error fare_transfer_rule_duration_limit_without_type fare_transfer_rules.txt:2 duration_limit_type',
  ],
  [
    'a type without a limit',
    changed('fare_transfer_rules', '3600,1', ',1'),
    'error fare_transfer_rule_duration_limit_type_without_duration_limit fare_transfer_rules.txt:2 duration_limit_type',
  ],
  [
    'a limit of 0',
    changed('fare_transfer_rules', '3600', '0'),
    'error number_out_of_range fare_transfer_rules.txt:2 duration_limit',
  ],
  [
    'a limit of no number',
    changed('fare_transfer_rules', '3600', '1h'),
    'error invalid_integer fare_transfer_rules.txt:2 duration_limit',
  ],
  [
    'a join without its stop',
    changed('fare_leg_join_rules', 'hub,east', 'hub,'),
    'error missing_required_field fare_leg_join_rules.txt:2 to_stop_id',
  ],
  [
    'a join without a network',
    changed('fare_leg_join_rules', 'metro,metro', 'metro,'),
    'error missing_required_field fare_leg_join_rules.txt:2 to_network_id',
  ],
  [
    'a join at a door',
    changed('fare_leg_join_rules', 'hub,east', 'door,east'),
    'error wrong_location_type fare_leg_join_rules.txt:2 from_stop_id',
  ],
  [
    'networks twice',
    changed('routes', 'route_type\nU1,U1,1\nB1,B1,3', 'route_type,network_id\nU1,U1,1,\nB1,B1,3,'),
    'error route_networks_specified_in_more_than_one_file networks.txt',
    'error route_networks_specified_in_more_than_one_file route_networks.txt',
  ],
  [
    'a route in two networks',
    changed('route_networks', 'bus,B1', 'bus,U1'),
    'error duplicate_key route_networks.txt:3 route_id',
  ],
  [
    'a route without a name',
    changed('routes', 'U1,U1', 'U1,'),
    'error route_both_short_and_long_name_missing routes.txt:2 route_short_name',
  ],
  [
    'a stop without a name',
    changed('stops', 'east,East', 'east,'),
    'error missing_required_field stops.txt:6 stop_name',
  ],
  [
    'a door without a station',
    changed('stops', '2,hub', '2,'),
    'error location_without_parent_station stops.txt:5 parent_station',
  ],
  [
    'a station in a station',
    changed('stops', '13.4,1,', '13.4,1,east'),
    'error station_with_parent_station stops.txt:2 parent_station',
  ],
  [
    'a platform in a stop',
    changed('stops', '0,hub\nhub2', '0,west\nhub2'),
    'error wrong_parent_location_type stops.txt:3 parent_station',
  ],
  [
    'two agencies without ids',
    changed('agency', 'Test,', 'Rest,http://r,Europe/Paris\nTest,'),
    'error inconsistent_agency_timezone agency.txt:3 agency_timezone',
  ],
];

for (const [what, texts, ...findings] of broken) {
  test(`told: ${what}`, () => {
    const list = found(texts);
    for (const finding of findings) {
      assert(
        list.some((line) => line.startsWith(finding)),
        `${finding} among ${list.join('; ')}`,
      );
    }
    const isRefused = findings.some((line) => line.startsWith('error'));
    assert.equal(checkTexts(texts).feed === null, isRefused, what);
  });
}

test('tolerated and told: marks, line ends, columns, files, spaces, empty rows', () => {
  const odd: Texts = {
    ...Object.fromEntries(
      Object.entries(small).map(([name, text]) => [
        name,
        `\ufeff${text.trimEnd().replaceAll('\n', '\r\n')}`,
      ]),
    ),
    areas: 'area_id,area_name,colour\ninner, Inner ,red\n,,\nouter,Outer,blue',
    pets: 'dog\n',
  };
  assert.deepEqual(found(odd), [
    'notice unknown_file pets.txt',
    'notice unknown_column areas.txt:1 colour',
    'warning leading_or_trailing_whitespaces areas.txt:2 area_name',
    'notice empty_row areas.txt:3',
  ]);
  assert.deepEqual(checkTexts(odd).feed?.legRules, checkTexts(small).feed?.legRules);
});

test('faults of fares of version 1', () => {
  const cases: [string, string, string, string][] = [
    [
      'fare_attributes',
      '2.00',
      '-2.00',
      'error invalid_currency_amount fare_attributes.txt:2 price',
    ],
    [
      'fare_attributes',
      '2.00',
      '2.005',
      'error invalid_currency_amount fare_attributes.txt:2 price',
    ],
    [
      'fare_attributes',
      ',0,1,',
      ',2,1,',
      'error unexpected_enum_value fare_attributes.txt:2 payment_method',
    ],
    [
      'fare_attributes',
      ',0,1,',
      ',0,3,',
      'error unexpected_enum_value fare_attributes.txt:2 transfers',
    ],
    [
      'fare_attributes',
      '3600',
      '-1',
      'error number_out_of_range fare_attributes.txt:2 transfer_duration',
    ],
    ['fare_rules', 'town', 'twon', 'error foreign_key_violation fare_rules.txt:2 fare_id'],
    ['fare_rules', 'z1,z1', 'z9,z1', 'error foreign_key_violation fare_rules.txt:2 origin_id'],
    ['fare_rules', 'R3', 'R9', 'error foreign_key_violation fare_rules.txt:8 route_id'],
  ];
  for (const [file, from, to, finding] of cases) {
    const texts = changed(file, from, to, smallV1);
    assert(found(texts).includes(finding), `${finding} among ${found(texts).join('; ')}`);
    assert.equal(checkTexts(texts).feed, null);
  }
});

test('version 2 takes precedence, and two empty leg groups without a count are read as no limit', () => {
  const both = { ...small, fare_attributes: smallV1.fare_attributes! };
  assert.equal(checkTexts(both).feed?.model, 'v2');
  assert.deepEqual(found(both), ['notice fares_v1_not_read fare_attributes.txt']);
  const any = changed('fare_transfer_rules', 'ride,ride,1,3600,1,0,', ',,,,,0,');
  assert.deepEqual(found(any), [
    'warning fare_transfer_rule_missing_transfer_count fare_transfer_rules.txt:2 transfer_count',
  ]);
  assert.equal(checkTexts(any).feed?.transferRules[0]?.count, -1);
});

test('services over centuries and prices by the million are refused before they are compiled', () => {
  const years = changed('calendar', '20260101,20261231', '17000101,20261231');
  assert.deepEqual(found(years), ['error services_too_long timeframes.txt:2 service_id']);
  const many = (what: string) =>
    Array.from({ length: 1300 }, (_, i) => `${what}${i},${what}${i},0`).join('\n');
  const prices = {
    ...small,
    rider_categories: `${small.rider_categories}${many('r')}\n`,
    fare_media: `${small.fare_media}${many('m')}\n`,
  };
  assert.deepEqual(found(prices), ['error too_many_prices fare_products.txt']);
  assert.equal(checkTexts(prices).feed, null);
});
