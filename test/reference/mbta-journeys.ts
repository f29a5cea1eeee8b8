/**
 * Journeys in Boston with the fares that its tables give them (feed of 2024-09-27), worked out by
 * hand. Each names the rows that it is priced by: `fare_leg_rules.txt` and
 * `fare_transfer_rules.txt` by line, with the product and its price from `fare_products.txt`.
 */
import type { LegText } from './gtfs-feeds.ts';

/** A Tuesday in the feed's period, Boston time. */
export function leg(from: string, to: string, network: string, at = '08:00', till = at): LegText {
  const instant = (time: string) => `2024-10-01T${time.length === 5 ? `${time}:00` : time}-04:00`;
  return [from, to, network, instant(at), instant(till)];
}

export const red: LegText = leg('70076', '70068', 'Red');
const bus = (at = '08:40') => leg('64', '1', '1', at);

/** Name, legs, medium ('' for none named), amount, rules of what is paid for. */
export type Case = readonly [string, readonly LegText[], string, string, ...string[]];

const LEG = 'fare_leg_rules:';
const TRANSFER = 'fare_transfer_rules:';

export const subway: Case[] = [
  // Neither stop is in an area that a row names: network rapid_transit, both areas empty; the
  // product prod_rapid_transit_quick_subway costs 2.40 (line 97). Rows 462 and 463 match as well
  // and are transfer_only.
  ['Red, Park Street to Harvard', [red], '', '2.40', `${LEG}467`],
  ['the same with a CharlieTicket', [red], 'charlieticket', '2.40', `${LEG}467`],
  // No subway product can be had for cash below ground.
  ['the same for cash', [red], 'cash', 'FARES_UNKNOWN_FARE'],
  ['Blue from Airport', [leg('70047', '70038', 'Blue')], '', '2.40', `${LEG}2`],
  ['Blue from Maverick', [leg('70045', '70038', 'Blue')], '', '2.40', `${LEG}464`],
  ['Green from Government Center', [leg('70202', '70150', 'Green-B')], '', '2.40', `${LEG}465`],
  ['Orange from State', [leg('70022', '70001', 'Orange')], '', '2.40', `${LEG}466`],
  ['Red from South Station', [leg('70080', '70061', 'Red')], '', '2.40', `${LEG}493`],
  // West of Kenmore one pays on board: prod_rapid_transit_cash, 2.40 (line 96), for cash alone.
  ['Green B from Babcock Street', [leg('170137', '70196', 'Green-B')], '', '2.40', `${LEG}459`],
  [
    'the same with a CharlieTicket',
    [leg('170137', '70196', 'Green-B')],
    'charlieticket',
    'FARES_UNKNOWN_FARE',
  ],
  // leg_rapid_transit_cash to itself, -1, no limit, type 0, no product: A + 0.
  [
    'Green B for cash, then Red',
    [leg('170137', '70196', 'Green-B'), leg('70075', '70094', 'Red', '08:40')],
    'cash',
    '2.40',
    `${LEG}459`,
    `${TRANSFER}15`,
  ],
  // leg_rapid_transit_quick_subway to itself, -1: twice.
  [
    'Red, Orange, Green',
    [red, leg('70020', '70030', 'Orange', '08:20'), leg('70206', '70150', 'Green-D', '11:40')],
    '',
    '2.40',
    `${LEG}467`,
    `${TRANSFER}23`,
    `${TRANSFER}23`,
  ],
  // From Mattapan and Ashmont by ticket, from a stop between for cash.
  ['Mattapan trolley', [leg('70276', '70261', 'Mattapan')], '', '2.40', `${LEG}360`],
  ['from Milton', [leg('70268', '70261', 'Mattapan')], '', '2.40', `${LEG}359`],
  [
    'Mattapan trolley, then Red within two hours',
    [leg('70276', '70261', 'Mattapan'), leg('70094', '70076', 'Red', '09:59')],
    '',
    '2.40',
    `${LEG}360`,
    `${TRANSFER}6`,
  ],
  [
    'Mattapan trolley, then Red after two hours and a half',
    [leg('70276', '70261', 'Mattapan'), leg('70094', '70076', 'Red', '10:30')],
    '',
    '4.80',
    `${LEG}360`,
    `${LEG}467`,
  ],
];

export const silver: Case[] = [
  // prod_free_fare, 0.00 (line 94), whatever the medium.
  ['SL1 from Terminal A', [leg('17091', '74617', '741')], '', '0.00', `${LEG}478`],
  [
    'SL1 from Terminal A, then Red and Orange',
    [
      leg('17091', '74617', '741'),
      leg('70080', '70078', 'Red', '08:40'),
      leg('70020', '70030', 'Orange', '09:00'),
    ],
    '',
    '0.00',
    `${LEG}478`,
    `${TRANSFER}27`,
    `${TRANSFER}34`,
  ],
  // The to-areas of the tunnel stations are named by no row, that of SL3's north is.
  ['SL2 from Courthouse', [leg('74616', '74617', '742')], '', '2.40', `${LEG}483`],
  ['SL3 from Airport to Chelsea', [leg('7096', '74630', '743')], '', '2.40', `${LEG}479`],
  ['SL3 from Chelsea', [leg('74630', '74617', '743')], '', '2.40', `${LEG}470`],
  ['from Silver Line Way', [leg('74614', '74617', '741')], 'cash', '2.40', `${LEG}473`],
  [
    'from Silver Line Way for cash, then Red',
    [leg('74614', '74617', '741'), leg('70080', '70061', 'Red', '08:30')],
    'cash',
    '2.40',
    `${LEG}473`,
    `${TRANSFER}26`,
  ],
  [
    'Red, then SL1 to the airport',
    [leg('70067', '70079', 'Red'), leg('74611', '17091', '741', '12:00')],
    '',
    '2.40',
    `${LEG}467`,
    `${TRANSFER}24`,
  ],
];

export const buses: Case[] = [
  // prod_local_bus, 1.70 for cash (line 95); with a CharlieTicket 2.40.
  ['bus 1', [bus()], '', '1.70', `${LEG}253`],
  ['bus 1 with a CharlieTicket', [bus()], 'charlieticket', '2.40', `${LEG}357`],
  ['bus 23, which is free', [leg('64', '1', '23')], '', '0.00', `${LEG}302`],
  ['a school bus, 714', [leg('64', '1', '714')], '', '1.70', `${LEG}358`],
  ['a local bus between areas', [leg('1684', '4510', '1')], '', '1.70', `${LEG}212`],
  // 7,200 s, type 1: from departure to departure, the limit included.
  ['subway to bus', [red, bus()], '', '2.40', `${LEG}467`, `${TRANSFER}20`],
  ['subway to bus at two hours', [red, bus('10:00')], '', '2.40', `${LEG}467`, `${TRANSFER}20`],
  ['subway to bus a second later', [red, bus('10:00:01')], '', '4.10', `${LEG}467`, `${LEG}253`],
  // No row has leg_local_bus_... as from_leg_group_id: a bus gives no transfer.
  ['bus to subway', [bus('07:00'), red], '', '4.10', `${LEG}253`, `${LEG}467`],
  ['the same by ticket', [bus('07:00'), red], 'charlieticket', '4.80', `${LEG}357`, `${LEG}467`],
  [
    'subway, bus, bus',
    [red, bus(), bus('09:10')],
    '',
    '4.10',
    `${LEG}467`,
    `${TRANSFER}20`,
    `${LEG}253`,
  ],
  [
    'subway, bus, subway',
    [red, bus(), leg('70076', '70068', 'Red', '09:20')],
    'charlieticket',
    '4.80',
    `${LEG}467`,
    `${TRANSFER}20`,
    `${LEG}467`,
  ],
  // prod_express_bus, 4.25 for cash (line 83), between downtown and outside; 1.70 within one.
  ['354 to downtown', [leg('1684', '4510', '354')], '', '4.25', `${LEG}174`],
  ['354 outside', [leg('1684', '1690', '354')], '', '1.70', `${LEG}200`],
  // Stop 117 is in both downtown areas, 14748 in the outside area of the 426.
  ['426 from downtown to Lynn', [leg('117', '14748', '426')], '', '4.25', `${LEG}175`],
  ['450 to downtown', [leg('4486', '8309', '450')], '', '4.25', `${LEG}178`],
  ['450 outside', [leg('4486', '4490', '450')], '', '1.70', `${LEG}204`],
  ['504, express all the way', [leg('64', '1', '504')], '', '4.25', `${LEG}179`],
  // The replacement bus is free by itself (line 409), and carries a subway fare on (line 458).
  ['a shuttle', [leg('9070022', '9070045', 'Shuttle-AirportMaverick')], '', '0.00', `${LEG}409`],
  [
    'subway, shuttle, subway',
    [
      leg('70045', '70038', 'Orange'),
      leg('9070022', '9070045', 'Shuttle-AirportMaverick', '08:30'),
      leg('70076', '70068', 'Red', '09:00'),
    ],
    'charlieticket',
    '2.40',
    `${LEG}464`,
    `${TRANSFER}22`,
    `${TRANSFER}12`,
  ],
];

export const rail: Case[] = [
  // From a zone 1A to zone n: prod_cr_zone_n. Zone 1A to itself: 2.40.
  [
    'South Station to Providence (8)',
    [leg('NEC-2287', 'NEC-1851', 'CR-Providence')],
    '',
    '12.25',
    `${LEG}171`,
  ],
  [
    'Back Bay to Wickford Junction (10)',
    [leg('NEC-2276', 'NEC-1659-03', 'CR-Providence')],
    '',
    '13.25',
    `${LEG}46`,
  ],
  [
    'Back Bay to TF Green (9)',
    [leg('NEC-2276', 'NEC-1768-03', 'CR-Providence')],
    '',
    '12.75',
    `${LEG}55`,
  ],
  [
    'North Station to Lowell (6)',
    [leg('BNT-0000', 'NHRML-0254', 'CR-Lowell')],
    'mticket',
    '10.50',
    `${LEG}52`,
  ],
  // Chelsea is in zone 1A and in an area that no row names, which changes nothing.
  [
    'North Station to Chelsea (1A)',
    [leg('BNT-0000', 'ER-0042', 'CR-Newburyport')],
    '',
    '2.40',
    `${LEG}47`,
  ],
  [
    'North Station to Salem (3)',
    [leg('BNT-0000', 'ER-0168-S', 'CR-Newburyport')],
    '',
    '8.00',
    `${LEG}49`,
  ],
  [
    'Porter (1A) to South Acton (6)',
    [leg('FR-0034', 'FR-0253', 'CR-Fitchburg')],
    '',
    '10.50',
    `${LEG}52`,
  ],
  [
    'Boston Landing (1A) to Worcester (8)',
    [leg('WML-0035', 'WML-0442-CS', 'CR-Worcester')],
    '',
    '12.25',
    `${LEG}54`,
  ],
  // Between zones n apart: prod_cr_inter_(n + 1).
  ['Providence (8) to TF Green (9)', [leg('NEC-1851', 'NEC-1768-03', 'CR-Providence')], '', '3.25'],
  [
    'Brockton (4) to Middleborough (8)',
    [leg('MM-0200', 'MM-0356-S', 'CR-Middleborough')],
    '',
    '4.75',
  ],
  ['Lowell (6) to Anderson/Woburn (2)', [leg('NHRML-0254', 'NHRML-0127', 'CR-Lowell')], '', '4.75'],
  [
    'Fairmount to South Station',
    [leg('DB-2205', 'NEC-2287', 'CR-Fairmount')],
    '',
    '2.40',
    `${LEG}192`,
  ],
  [
    'South Station to Fairmount',
    [leg('NEC-2287', 'DB-2205', 'CR-Fairmount')],
    '',
    '2.40',
    `${LEG}490`,
  ],
  [
    'Fairmount to Readville (2)',
    [leg('DB-2205', 'DB-0095', 'CR-Fairmount')],
    '',
    '7.00',
    `${LEG}183`,
  ],
  [
    'with a CharlieTicket',
    [leg('NEC-2287', 'NEC-1851', 'CR-Providence')],
    'charlieticket',
    'FARES_UNKNOWN_FARE',
  ],
  [
    'Lowell to North Station, then Orange: no transfer',
    [leg('NHRML-0254', 'BNT-0000', 'CR-Lowell'), leg('70026', '70001', 'Orange', '09:00')],
    '',
    '12.90',
    `${LEG}112`,
    `${LEG}467`,
  ],
  // Row 198 names no areas, and so is for areas that no row names; South Station and Foxboro are
  // in areas that commuter rail's rows name.
  ['Foxboro event train', [leg('NEC-2287', 'FS-0049-S', 'CR-Foxboro')], '', 'FARES_UNKNOWN_FARE'],
  [
    'CapeFLYER, Brockton (4) to Hyannis',
    [leg('MM-0200', 'CM-0790-S', 'CapeFlyer')],
    '',
    '22.00',
    `${LEG}18`,
  ],
  [
    'CapeFLYER, Bourne to Brockton (4)',
    [leg('CM-0564-S', 'MM-0200', 'CapeFlyer')],
    '',
    '20.00',
    `${LEG}9`,
  ],
  [
    'CapeFLYER, Middleborough (8) to Hyannis',
    [leg('MM-0356-S', 'CM-0790-S', 'CapeFlyer')],
    '',
    '5.00',
    `${LEG}6`,
  ],
];

export const ferries: Case[] = [
  [
    'Hingham to Rowes Wharf',
    [leg('Boat-Hingham', 'Boat-Rowes', 'Boat-F1')],
    '',
    '9.75',
    `${LEG}194`,
  ],
  [
    'Charlestown to Long Wharf',
    [leg('Boat-Charlestown', 'Boat-Long-South', 'Boat-F4')],
    '',
    '3.70',
    `${LEG}195`,
  ],
  [
    'East Boston to Long Wharf',
    [leg('Boat-Lewis', 'Boat-Long', 'Boat-EastBoston')],
    '',
    '2.40',
    `${LEG}193`,
  ],
  [
    'Lynn to Long Wharf',
    [leg('Boat-Blossom', 'Boat-Long', 'Boat-Lynn')],
    'mticket',
    '7.00',
    `${LEG}197`,
  ],
  [
    'Winthrop to Quincy',
    [leg('Boat-Winthrop', 'Boat-Quincy', 'Boat-F6')],
    'credit_debit',
    '6.50',
    `${LEG}196`,
  ],
  [
    'ferry, then bus',
    [leg('Boat-Hingham', 'Boat-Rowes', 'Boat-F1'), bus('09:00')],
    'cash',
    '11.45',
    `${LEG}194`,
    `${LEG}253`,
  ],
];
