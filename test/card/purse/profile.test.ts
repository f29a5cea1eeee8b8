/** Profiles: the built-in ones fit their own schema; a file that does not is refused by field. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toHex } from '../../../engine/bytes.ts';
import { compileProfile } from '../../../engine/card/purse/compile.ts';
import { parseProfile } from '../../../engine/card/purse/profile.ts';
import { profileSchema } from '../../../engine/card/purse/profile-schema.ts';
import {
  builtInProfile,
  builtInProfileNames,
  isBuiltInProfile,
} from '../../../engine/card/purse/profiles.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { PROFILE_FILE_BYTES_MAX } from '../../../engine/limits.ts';
import { root } from '../../shared.ts';

const docs = (name: string) => readFileSync(join(root, 'docs', name), 'utf8');

test('built-in profiles fit the schema and compile', () => {
  assert.deepEqual([...builtInProfileNames], ['jrt0025', 'tunion', 'city-union']);
  for (const name of builtInProfileNames) {
    const profile = builtInProfile(name);
    assert.equal(profile.name, name);
    assert.deepEqual(parseProfile(JSON.stringify(profile), name), profile);
    assert.equal(compileProfile(profile).name, name);
  }
  assert(!isBuiltInProfile('toString'));
});

test('docs/profile.schema.json is the schema in the code', () => {
  assert.deepEqual(JSON.parse(docs('profile.schema.json')), profileSchema);
});

test('the whole file in docs/profiles.md is tunion, the short one parses', () => {
  const examples = [...docs('profiles.md').matchAll(/```json\n([\s\S]*?)```/g)].map((m) => m[1]!);
  assert.equal(examples.length, 2);
  const changsha = parseProfile(examples[0]!, 'example');
  assert.equal(changsha.key.index, '06');
  assert.equal(changsha.cityCode, true);
  assert.deepEqual(parseProfile(examples[1]!, 'example'), builtInProfile('tunion'));
});

test('docs/profiles.md names every setting', () => {
  const text = docs('profiles.md');
  for (const name of Object.keys(builtInProfile('tunion'))) {
    assert(text.includes(`\`${name}`), `setting ${name}`);
  }
});

test('extends merges objects and replaces the rest', () => {
  const profile = parseProfile(
    JSON.stringify({
      extends: 'tunion',
      name: 'ningbo',
      key: { index: '07', factors: [{ offset: 12, length: 8 }] },
      journeyFile: { industry: '02' },
      riderClass: { offset: 28, length: 1, classes: { '0A': 'student' }, default: null },
    }),
    'ningbo.json',
  );
  const tunion = builtInProfile('tunion');
  assert.equal(profile.key.index, '07');
  assert.equal(profile.key.version, '01');
  assert.equal(profile.key.factors.length, 1);
  assert.equal(profile.journeyFile?.industry, '02');
  assert.equal(profile.journeyFile?.length, 48);
  assert.equal(compileProfile(profile).riderClass?.classOf[0x0a], 'student');
  assert.equal(tunion.key.index, '01', 'the built-in profile is as it was');
});

test('a built-in profile compiles to the commands of the field', () => {
  const tunion = compileProfile(builtInProfile('tunion'));
  assert.equal(toHex(tunion.selects[0]!), '00A4040008A00000063201010500');
  assert.equal(toHex(tunion.readPublicFile), '00B095001E');
  assert.equal(toHex(tunion.readBalance), '805C000204');
  assert.equal(toHex(tunion.journey!.read), '00B201F430');
  assert.equal(toHex(tunion.journey!.update).slice(0, 10), '80DC00F030');
  assert.equal(tunion.journey!.update.length, 53);
  assert.equal(compileProfile(builtInProfile('jrt0025')).journey, null);
});

test('an algorithm byte of a city is translated, whatever it is', () => {
  const key = { algorithm: '10', algorithms: { '10': '3des', '00': 'sm4', '04': 'sm4' } };
  const text = JSON.stringify({ extends: 'tunion', name: 'x', key });
  // The merge keeps 00 of the built-in profile, which the file gives another meaning.
  const profile = compileProfile(parseProfile(text, 'x'));
  assert.equal(profile.keyAlgorithm, 0);
  assert.equal(profile.algorithmOf[0x10], 0);
  assert.equal(profile.algorithmOf[0x00], 1);
  assert.equal(profile.algorithmOf[0x04], 4);
  assert.equal(profile.algorithmOf[0x05], -1);
});

/** A T-Union file with one change is refused with a message that has the file and `expected`. */
function refuses(change: object, expected: RegExp): void {
  const text = JSON.stringify({ extends: 'tunion', name: 'x', ...change });
  assert.throws(
    () => parseProfile(text, 'bad.json'),
    (error) => {
      assert(error instanceof FaregateError);
      assert.equal(error.code, 'PROFILE_INVALID');
      assert.match(error.message, /^bad\.json: /);
      assert.match(error.message, expected);
      return true;
    },
  );
}

test('a file that does not fit names the field', () => {
  refuses({ aids: ['A0'] }, /field \/aids\/0 must match pattern/);
  refuses({ aids: [] }, /field \/aids must NOT have fewer/);
  refuses({ name: 'Has Blanks' }, /field \/name must match/);
  refuses({ key: { index: 1 } }, /field \/key\/index must be string/);
  refuses({ key: { factors: [] } }, /field \/key\/factors must NOT have fewer/);
  refuses({ key: { indx: '01' } }, /field \/key must NOT have additional properties: "indx"/);
  refuses({ journeyFile: { sfi: '1F' } }, /field \/journeyFile\/sfi must match/);
  refuses({ journeyFile: { fields: { station: { length: 2 } } } }, /fields\/station\/length must/);
  refuses({ proof: { order: 'mac2' } }, /field \/proof\/order must be equal to one of/);
  refuses({ proof: { counterOffset: 2 } }, /field \/proof\/counterOffset must be <= 1/);
  refuses({ cityCode: 'yes' }, /field \/cityCode must be boolean/);
  refuses({ insufficientStatuses: ['94'] }, /field \/insufficientStatuses\/0 must match/);
  refuses({ maxAmountMinor: 0.5 }, /field \/maxAmountMinor must be integer/);
  refuses({ colour: 'red' }, /must NOT have additional properties: "colour"/);
});

test('what a schema cannot say names the field too', () => {
  refuses(
    { publicFile: { length: 24 } },
    /field \/publicFile\/expiryDate must lie in the file's 24/,
  );
  refuses({ publicFile: { startFlag: { offset: 8 } } }, /startFlag overlaps applicationType/);
  refuses({ key: { factors: [{ offset: 23, length: 8 }] } }, /field \/key\/factors\/0 must lie/);
  refuses({ key: { algorithm: '04' } }, /field \/key\/algorithm must be one of/);
  refuses({ journeyFile: { length: 40 } }, /field \/journeyFile\/fields\/institution must lie/);
  refuses({ journeyFile: { types: { exit: ['03'] } } }, /types\/exit has 03, which is of entry/);
  refuses({ counter: { last: 5, restartAt: 6 } }, /field \/counter\/restartAt/);
  refuses(
    { riderClass: { offset: 30, length: 1, classes: {}, default: null } },
    /field \/riderClass must lie/,
  );
  refuses({ extends: 'tokyo' }, /field \/extends must name a built-in profile: "tokyo"/);
  refuses({ extends: 5 }, /field \/extends/);
});

test('a file that is no profile at all is refused', () => {
  const refusesText = (text: string, expected: RegExp) =>
    assert.throws(
      () => parseProfile(text, 'bad.json'),
      (error) =>
        error instanceof FaregateError &&
        error.code === 'PROFILE_INVALID' &&
        expected.test(error.message),
    );
  refusesText('{"name":', /^bad\.json: not JSON/);
  refusesText('[]', /the document must be object/);
  refusesText('null', /the document must be object/);
  refusesText('{"name":"x"}', /must have required property 'aids'/);
  refusesText('{"extends":"tunion","__proto__":{"name":"x"}}', /additional properties/);
  refusesText(' '.repeat(PROFILE_FILE_BYTES_MAX + 1), /larger than 65536 bytes/);
});
