/** Profiles of e-cash's extended application: the built-in one, and what is refused by name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compileExtendedProfile,
  parseExtendedProfile,
} from '../../../engine/card/qpboc/extended/profile.ts';
import { heldFare, segmentedFare } from '../../../engine/card/qpboc/extended/profiles.ts';
import { FaregateError } from '../../../engine/errors.ts';

type Json = Record<string, unknown>;

/** The built-in profile with one place changed, as JSON. */
function changed(path: string, value: unknown): string {
  const profile = structuredClone(segmentedFare) as unknown as Json;
  const names = path.split('/').slice(1);
  let at = profile;
  for (const step of names.slice(0, -1)) at = at[step] as Json;
  at[names.at(-1)!] = value;
  return JSON.stringify(profile);
}

test('the built-in profiles pass their own check and come back as they are', () => {
  for (const profile of [segmentedFare, heldFare]) {
    assert.deepEqual(parseExtendedProfile(JSON.stringify(profile), 'own'), profile);
  }
  const held = compileExtendedProfile(heldFare).layout.maxIncompleteAmount;
  assert.deepEqual([held.offset, held.length], [45, 4]);
  const { layout, recordId, segmented } = compileExtendedProfile(segmentedFare);
  assert.deepEqual([...recordId], [0x27, 0x01]);
  assert.equal(segmented, 0x03);
  assert.deepEqual([layout.type.offset, layout.institution.offset], [3, 37]);
});

test('what does not fit is refused by the name of its field', () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['/sfi', 31, /\/sfi must be <= 30/],
    ['/selector', 2, /\/selector .*allowed values/],
    ['/recordId', '27', /\/recordId must match pattern/],
    ['/read', 'full', /\/read .*allowed values: \["plain","mac"\]/],
    ['/services/from', 'aip', /\/services\/from .*allowed values/],
    ['/services/segmented', '00', /\/services\/segmented must have a bit/],
    ['/key/index', 256, /\/key\/index must be <= 255/],
    ['/record/length', 252, /\/record\/length must be <= 251/],
    ['/record/length', 44, /\/record\/fields\/institution must lie in the record's 44 bytes/],
    ['/record/fields/type/offset', 1, /\/record\/fields\/type overlaps the id/],
    ['/record/fields/amount/offset', 4, /\/record\/fields\/amount overlaps terminal/],
    ['/record/fields/balance/length', 3, /\/record\/fields\/balance\/length/],
    ['/record/types/exit', ['03'], /\/record\/types\/exit has 03/],
    ['/surprise', 1, /must NOT have additional properties: "surprise"/],
  ];
  for (const [path, value, message] of cases) {
    assert.throws(
      () => parseExtendedProfile(changed(path, value), 'city.json'),
      (error: unknown) =>
        error instanceof FaregateError &&
        error.code === 'PROFILE_INVALID' &&
        error.message.startsWith('city.json: ') &&
        message.test(error.message),
      `${path} ${JSON.stringify(value)}`,
    );
  }
  // Where DF61 is not asked for, its bits are nobody's business.
  parseExtendedProfile(
    changed('/services', { from: 'none', segmented: '00', preAuthorised: '00' }),
    'city.json',
  );
});

test('any text is a profile or a named refusal', () => {
  const texts = fc.oneof(fc.json(), fc.string(), fc.constant('x'.repeat(70_000)));
  fc.assert(
    fc.property(texts, (text) => {
      assert.throws(
        () => parseExtendedProfile(text, 'file'),
        (error: unknown) => error instanceof FaregateError && error.code === 'PROFILE_INVALID',
      );
    }),
    { numRuns: 100 },
  );
});
