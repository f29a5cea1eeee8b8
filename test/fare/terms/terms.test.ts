/** The extension tables: checked by file, line and field, and read. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FareCalendar } from '../../../engine/fare/terms/calendar.ts';
import { type CheckedTerms, checkMatrixTerms } from '../../../engine/fare/terms/matrix.ts';
import { termsSpecs } from '../../../engine/fare/terms/schema.ts';
import { isInZones, zonesSpanned } from '../../../engine/fare/terms/zones.ts';
import { dataPath, noShared, root } from '../../shared.ts';

const FRAME = { decimals: 2, stations: ['A', 'B', 'C'], riders: ['adult', 'student'] };
const SETTINGS = 'timezone,service_day_start,week_start\nAsia/Shanghai,04:00:00,sunday\n';

function check(tables: Readonly<Record<string, string>>): CheckedTerms {
  const given: Record<string, string> = { settings: SETTINGS, ...tables };
  const files = Object.entries(given).map(([name, text]) => ({
    name: `faregate_${name}.txt`,
    rows: text
      .trimEnd()
      .split('\n')
      .map((line, index) => ({ line: index + 1, fields: line.split(',') })),
    fault: null,
  }));
  return checkMatrixTerms(
    files,
    files.map(({ name }) => name),
    FRAME,
  );
}

/** `file:line:field code` of each finding that is no notice. */
function found(tables: Readonly<Record<string, string>>): string[] {
  const { findings, terms } = check(tables);
  assert.equal(terms === null, findings.errors > 0, 'tables with errors are never used');
  return findings.list
    .filter(({ severity }) => severity !== 'notice')
    .map(({ file, line, field, code }) => `${file}:${line}:${field} ${code}`);
}

test('no table of ours has a name of the standard', { skip: noShared }, () => {
  const reference = readFileSync(dataPath('gtfs-spec/reference.md'), 'utf8');
  for (const name of Object.keys(termsSpecs)) {
    assert.match(name, /^faregate_[a-z_]+\.txt$/);
    assert.ok(!reference.includes(name));
  }
});

test('every table and field is in the documentation', () => {
  const text = readFileSync(join(root, 'docs/fare-extensions.md'), 'utf8');
  for (const [name, { fields }] of Object.entries(termsSpecs)) {
    assert.ok(text.includes(`\`${name}\``), name);
    for (const field of Object.keys(fields)) {
      const isNamed = text.includes(`\`${field}\``) || /day$/.test(field);
      assert.ok(isNamed, `${name}, ${field}`);
    }
  }
});

test('amounts, minutes and percents out of bounds are named', () => {
  const header = 'network_id,percent,amount_off,round_to\n';
  const discounts = `${header}bus,40,,0.10\nmetro,101,,\nferry,,1.005,\nboat,,x,0\n`;
  assert.deepEqual(found({ discounts }), [
    'faregate_discounts.txt:3:percent number_out_of_range',
    'faregate_discounts.txt:5:amount_off invalid_currency_amount',
    'faregate_discounts.txt:4:amount_off invalid_currency_amount',
    'faregate_discounts.txt:5:round_to number_out_of_range',
  ]);
});

test('fields that depend on others', () => {
  const caps = [
    'cap_id,span,days,amount,rides',
    'good,day,,7.00,',
    'both,day,,7.00,3',
    'none,day,,,',
    'open,rolling,,,12',
    'closed,week,7,10,',
  ].join('\n');
  assert.deepEqual(found({ caps }), [
    'faregate_caps.txt:3:rides forbidden_field',
    'faregate_caps.txt:4:rides missing_required_field',
    'faregate_caps.txt:5:days missing_required_field',
    'faregate_caps.txt:6:days forbidden_field',
  ]);
  const missing_taps = 'missing,charge,amount\nexit,amount,\nentry,maximum,3\nexit,usual,3\n';
  assert.deepEqual(found({ missing_taps }), [
    'faregate_missing_taps.txt:2:amount missing_required_field',
    'faregate_missing_taps.txt:3:amount forbidden_field',
    'faregate_missing_taps.txt:4: unreachable_rule',
  ]);
  const interchanges = 'from_stop_id,to_stop_id,minutes\nA,B,20\nA,,20\nA,X,20\n';
  assert.deepEqual(found({ interchanges }), [
    'faregate_interchanges.txt:4:to_stop_id foreign_key_violation',
    'faregate_interchanges.txt:3:to_stop_id missing_required_field',
  ]);
});

test('a time zone, one row of settings, and steps of one scheme that agree', () => {
  assert.deepEqual(found({ settings: 'minimum_balance\n2.00\n' }), [
    'faregate_settings.txt:2:timezone missing_required_field',
  ]);
  assert.deepEqual(found({ settings: 'timezone\nUTC\nAsia/Tokyo\n' }), [
    'faregate_settings.txt:3: one_row_expected',
  ]);
  const cumulative =
    'scheme_id,network_id,span,from_amount,percent\ns,,month,100,20\ns,bus,month,150,50\n';
  assert.deepEqual(found({ cumulative }), [
    'faregate_cumulative.txt:3:network_id inconsistent_scheme',
  ]);
});

test('a row that an earlier one hides is a warning', () => {
  const discounts = 'rider_category_id,network_id,percent\nstudent,,50\n,bus,40\nstudent,bus,60\n';
  assert.deepEqual(found({ discounts }), ['faregate_discounts.txt:4: unreachable_rule']);
  assert.ok(check({ discounts }).terms);
});

test('service days, weeks and months, holidays and periods past midnight', () => {
  const days = 'monday,tuesday,wednesday,thursday,friday,saturday,sunday';
  const { terms, findings } = check({
    holidays: 'date,day_type\n20261001,sunday\n20261010,friday\n',
    periods: `period_id,${days},start_time,end_time\nnight,0,0,0,0,1,0,0,22:00:00,28:00:00\n`,
  });
  assert.ok(terms, JSON.stringify(findings.list));
  const calendar = new FareCalendar(terms);
  const at = (text: string) => Date.parse(`${text}+08:00`);
  const dayOf = (text: string) => calendar.dayOf(at(text));
  assert.equal(dayOf('2026-10-02T03:59:59'), dayOf('2026-10-01T04:00:00'));
  assert.equal(dayOf('2026-10-02T04:00:00'), dayOf('2026-10-01T04:00:00') + 1);
  // Weeks begin on Sunday here: 2026-10-04 was one.
  const weekOf = (text: string) => calendar.weekOf(dayOf(text));
  assert.equal(weekOf('2026-10-04T12:00:00'), weekOf('2026-10-10T12:00:00'));
  assert.equal(weekOf('2026-10-04T12:00:00'), weekOf('2026-10-03T12:00:00') + 1);
  assert.equal(calendar.weekdayOf(dayOf('2026-10-01T12:00:00')), 6, 'a Thursday that is a holiday');
  assert.equal(calendar.weekdayOf(dayOf('2026-10-02T12:00:00')), 4);
  const night = calendar.periodOf('night');
  assert.ok(!calendar.isIn(night, at('2026-10-02T21:59:59')));
  assert.ok(calendar.isIn(night, at('2026-10-02T22:00:00')));
  assert.ok(calendar.isIn(night, at('2026-10-03T03:59:59')), 'still the service day of Friday');
  assert.ok(!calendar.isIn(night, at('2026-10-03T04:00:00')));
  assert.ok(calendar.isIn(night, at('2026-10-10T23:00:00')), 'a Saturday that works as a Friday');
  assert.ok(calendar.isIn(calendar.periodOf(''), 0));
});

test('months are those of the calendar, whatever the year', () => {
  const calendar = new FareCalendar(check({}).terms!);
  let earlier = calendar.monthOf(-800_000);
  for (let day = -800_000 + 1; day < 60_000; day++) {
    const month = calendar.monthOf(day);
    const isFirst = new Date(day * 86_400_000).getUTCDate() === 1;
    assert.equal(month, isFirst ? earlier + 1 : earlier, `day ${day}`);
    earlier = month;
  }
});

test('zones that a ride spans, the fewest of a stop on a boundary', () => {
  const { terms } = check({
    zones: 'zone_id,zone_number\none,1\ntwo,2\nfour,4\n',
    stop_zones: 'zone_id,stop_id\none,A\ntwo,B\nfour,B\nfour,C\n',
    zone_sets: 'zone_set_id,zone_id\ninner,one\ninner,two\n',
  });
  assert.ok(terms);
  assert.equal(zonesSpanned(terms, 'A', 'B'), 2);
  assert.equal(zonesSpanned(terms, 'B', 'C'), 1);
  assert.equal(zonesSpanned(terms, 'A', 'C'), 4);
  assert.equal(zonesSpanned(terms, 'A', 'D'), null);
  assert.deepEqual(
    ['A', 'B', 'C', 'D'].map((stop) => isInZones(terms, 'inner', stop)),
    [true, true, false, false],
  );
  assert.ok(isInZones(terms, '', 'D'));
});
