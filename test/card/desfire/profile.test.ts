/** DESFire profiles: the built-in ones, what is refused and by which name, and the record form. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../../engine/bytes.ts';
import { cardKeyRef, compileDesfireProfile } from '../../../engine/card/desfire/compile.ts';
import { parseDesfireProfile } from '../../../engine/card/desfire/profile.ts';
import { desfireProfile, desfireProfileNames } from '../../../engine/card/desfire/profiles.ts';
import { fillJourney, journeyForm } from '../../../engine/card/journey-form.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { UID } from '../../kit/desfire-kit.ts';
import { root } from '../../shared.ts';

type Json = Record<string, unknown>;

/** The EV2 profile with one place changed, as JSON. */
function changed(path: string, value: unknown, name = 'desfire-ev2' as const): string {
  const profile = structuredClone(desfireProfile(name)) as unknown as Json;
  const names = path.split('/').slice(1);
  let at = profile;
  for (const step of names.slice(0, -1)) at = at[step] as Json;
  at[names.at(-1)!] = value;
  return JSON.stringify(profile);
}

test('built-in profiles pass their own check and come back as they are', () => {
  for (const name of desfireProfileNames) {
    const profile = desfireProfile(name);
    assert.deepEqual(parseDesfireProfile(JSON.stringify(profile), name), profile);
  }
});

test('what does not fit is refused by the name of its field', () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['/application', { aid: '3042' }, /field \/application/],
    ['/application', { aid: '3042F5', dfName: 'A0' }, /field \/application/],
    ['/authentication', 'des', /\/authentication .*allowed values/],
    ['/keys/debit/number', 14, /\/keys\/debit\/number must be <= 13/],
    ['/frameBytes', 8, /\/frameBytes must be >= 32/],
    ['/valueFile/mode', 'enciphered', /\/valueFile\/mode/],
    ['/valueFile/mode', 'plain', /\/valueFile\/mode .*allowed values: \["mac","full"\]/],
    ['/recordFile/length', 11, /\/recordFile\/length must be >= 12/],
    ['/recordFile/number', 3, /\/recordFile\/number is that of \/valueFile/],
    ['/transactionMac/number', 4, /\/transactionMac\/number is that of another file/],
    ['/recordFile/records', 7, /\/recordFile\/records: all records are 312 bytes/],
    ['/recordFile/fields/amount/offset', 45, /\/recordFile\/fields\/amount must lie/],
    ['/recordFile/fields/amount/offset', 2, /\/recordFile\/fields\/amount overlaps terminal/],
    ['/recordFile/types/exit', ['03'], /\/recordFile\/types\/exit has 03/],
    ['/authentication', 'ev1', /\/valueFile\/mode must not be "full"/],
    ['/diversification/systemId', '00'.repeat(22), /\/diversification\/systemId/],
    ['/diversification', { aid: '00'.repeat(8), systemId: '00'.repeat(16), padTo32: true }, /./],
    ['/surprise', 1, /must NOT have additional properties: "surprise"/],
  ];
  for (const [path, value, message] of cases) {
    if (path === '/diversification') {
      // The longest that there is: 7 + 8 + 16 bytes.
      parseDesfireProfile(changed(path, value), 'city.json');
      continue;
    }
    assert.throws(
      () => parseDesfireProfile(changed(path, value), 'city.json'),
      (error: unknown) =>
        error instanceof FaregateError &&
        error.code === 'PROFILE_INVALID' &&
        error.message.startsWith('city.json: ') &&
        message.test(error.message),
      `${path} ${JSON.stringify(value)}`,
    );
  }
});

test('any text is a profile or a named refusal', () => {
  const texts = fc.oneof(fc.json(), fc.string(), fc.constant('x'.repeat(70_000)));
  fc.assert(
    fc.property(texts, (text) => {
      assert.throws(
        () => parseDesfireProfile(text, 'file'),
        (error: unknown) => error instanceof FaregateError && error.code === 'PROFILE_INVALID',
      );
    }),
    { numRuns: 200 },
  );
});

test('keys are named by UID and issuer; the common key by neither', () => {
  const profile = compileDesfireProfile(desfireProfile('desfire-ev2'));
  const key = cardKeyRef(profile, 'debit', UID);
  assert.equal(toHex(key.input!), '04782E21801D803042F54E585020416275');
  assert.equal(cardKeyRef(profile, 'transactionMac', UID).version, 1);
  assert.throws(() => cardKeyRef(profile, 'identity', UID), /no identity key/);
  const same = compileDesfireProfile({
    ...desfireProfile('desfire-ev2'),
    diversification: null,
  });
  assert.equal(cardKeyRef(same, 'debit', UID).input, null);
});

test("a gate's journey form writes these records too", () => {
  const place = {
    station: Uint8Array.of(0, 0, 1, 2),
    stationRest: Uint8Array.of(7),
    terminal: Uint8Array.of(4, 9, 0, 1, 0, 1),
    city: new Uint8Array(2),
    institution: new Uint8Array(8),
  };
  const dateTime = Uint8Array.of(0x20, 0x26, 1, 2, 3, 4, 5);
  for (const name of desfireProfileNames) {
    const { layout } = compileDesfireProfile(desfireProfile(name));
    const record = new Uint8Array(layout.recordLength);
    fillJourney(journeyForm(layout, place, 'exit'), null, 300, 4700, dateTime, record, 0);
    assert.equal(record[0], 4);
    assert.equal(layout.typeOf[record[0]!], 'exit');
    const { offset, length } = layout.amount;
    assert.equal(toHex(record.subarray(offset, offset + length)).slice(-4), '012C');
  }
});

test('docs/desfire.md has a row for every setting of a profile', () => {
  const text = readFileSync(join(root, 'docs/desfire.md'), 'utf8');
  for (const setting of Object.keys(desfireProfile('desfire-ev2'))) {
    assert.match(text, new RegExp(`^\\| .*\`${setting}[.\`]`, 'm'), setting);
  }
});
