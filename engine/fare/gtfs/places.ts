/**
 * What the standard asks of the files that fares refer to: agencies, stops, routes and networks,
 * services (reference, the section of each file).
 */
import type { Tables } from './columns.ts';
import { parseDate } from './fields.ts';
import type { Findings } from './findings.ts';
import type { Row } from './table.ts';

/** Required by the standard; fares cannot be read without them. */
const NEEDED = ['agency.txt', 'stops.txt', 'routes.txt'];
/** Required by the standard; fares do not refer to them. */
const UNNEEDED = ['trips.txt', 'stop_times.txt'];

/** Checks presence of files, and the files that fares refer to. `names`: all files of the feed. */
export function checkPlaces(tables: Tables, names: ReadonlySet<string>, findings: Findings): void {
  for (const file of NEEDED) {
    if (!names.has(file)) findings.error('missing_required_file', { file }, 'the file is missing');
  }
  for (const file of UNNEEDED) {
    if (names.has(file)) continue;
    findings.warning('missing_required_file', { file }, 'the file is missing; fares need none');
  }
  if (!names.has('calendar.txt') && !names.has('calendar_dates.txt')) {
    const message = 'the file is missing, and so is calendar_dates.txt; fares need none';
    const file = 'calendar.txt';
    if (!names.has('timeframes.txt')) findings.warning('missing_required_file', { file }, message);
  }
  checkAgencies(tables, findings);
  checkStops(tables, findings);
  checkRoutes(tables, findings);
  checkNetworks(tables, findings);
  for (const row of tables.get('calendar.txt')?.rows ?? []) {
    if (!(parseDate(row.get('end_date')) < parseDate(row.get('start_date')))) continue;
    const message = `ends on ${row.get('end_date')}, before it starts`;
    findings.error('start_and_end_range_out_of_order', row.at('end_date'), message);
  }
}

function checkAgencies(tables: Tables, findings: Findings): void {
  const rows = tables.get('agency.txt')?.rows ?? [];
  const [first, ...others] = rows;
  if (tables.has('agency.txt') && !first) {
    findings.error('empty_file', { file: 'agency.txt' }, 'no agency, and so no time zone');
  }
  for (const row of others) {
    if (row.get('agency_timezone') === first!.get('agency_timezone')) continue;
    const message = `is another time zone than ${first!.get('agency_timezone')} on line ${first!.line}`;
    findings.error('inconsistent_agency_timezone', row.at('agency_timezone'), message);
  }
  if (rows.length < 2) return;
  for (const row of rows) requireOfMany(row, rows.length, findings);
  for (const row of tables.get('routes.txt')?.rows ?? []) requireOfMany(row, rows.length, findings);
}

function requireOfMany(row: Row, agencies: number, findings: Findings): void {
  if (row.get('agency_id') !== '') return;
  const message = `is empty, and agency.txt has ${agencies} agencies`;
  findings.error('missing_required_field', row.at('agency_id'), message);
}

/** What the parent of each location type is: a station, or a platform for a boarding area. */
const PARENT_TYPES: Readonly<Record<string, string>> = { 0: '1', 2: '1', 3: '1', 4: '0' };

function checkStops(tables: Tables, findings: Findings): void {
  const rows = tables.get('stops.txt')?.rows ?? [];
  const byId = new Map(rows.map((row) => [row.get('stop_id'), row]));
  const typeOf = (row: Row) => row.get('location_type') || '0';
  for (const row of rows) {
    const type = typeOf(row);
    if (type === '0' || type === '1' || type === '2') {
      for (const field of ['stop_name', 'stop_lat', 'stop_lon']) {
        if (row.get(field) !== '') continue;
        const message = `is empty, and location_type is ${type}`;
        findings.error('missing_required_field', row.at(field), message);
      }
    }
    const parentId = row.get('parent_station');
    const place = row.at('parent_station');
    if (parentId === '') {
      if (type === '0' || type === '1') continue;
      findings.error('location_without_parent_station', place, `is empty, with type ${type}`);
    } else if (type === '1') {
      findings.error('station_with_parent_station', place, 'a station has no parent');
    } else {
      const parent = byId.get(parentId);
      if (!parent || typeOf(parent) === PARENT_TYPES[type]) continue;
      const message = `${JSON.stringify(parentId)} has location_type ${typeOf(parent)}`;
      const wanted = `${message} where ${PARENT_TYPES[type]} is due`;
      findings.error('wrong_parent_location_type', place, wanted);
    }
  }
}

function checkRoutes(tables: Tables, findings: Findings): void {
  for (const row of tables.get('routes.txt')?.rows ?? []) {
    if (row.get('route_short_name') !== '' || row.get('route_long_name') !== '') continue;
    const message = 'is empty, and so is route_long_name';
    const code = 'route_both_short_and_long_name_missing';
    findings.error(code, row.at('route_short_name'), message);
  }
}

/** networks.txt and route_networks.txt: forbidden where routes.txt has the field network_id. */
function checkNetworks(tables: Tables, findings: Findings): void {
  if (!tables.get('routes.txt')?.has('network_id')) return;
  for (const file of ['networks.txt', 'route_networks.txt']) {
    if (!tables.has(file)) continue;
    const message = 'the file is there, and routes.txt has the field network_id, which forbids it';
    findings.error('route_networks_specified_in_more_than_one_file', { file }, message);
  }
}
