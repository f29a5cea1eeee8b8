/** SELECT of a purse: FCI or READ BINARY, profiles in turn, locked cards, the field's odd ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { isFault } from '../../../engine/card/dialogue.ts';
import { compileProfile } from '../../../engine/card/purse/compile.ts';
import { type PurseProfile, parseProfile } from '../../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../../engine/card/purse/profiles.ts';
import { selectPurse } from '../../../engine/card/purse/select-purse.ts';
import {
  cardNumber,
  enableDate,
  expiryDate,
  issuer,
  issuerAccepted,
  keyAsCardSays,
  keyRef,
  nextOfflineCounter,
  purseFlagOk,
  riderClass,
  type SelectedPurse,
} from '../../../engine/card/purse/selected.ts';
import { drive, replay, type Step } from '../../transcripts/replay.ts';

const jrt0025 = compileProfile(builtInProfile('jrt0025'));
const tunion = compileProfile(builtInProfile('tunion'));
const cityUnion = compileProfile(builtInProfile('city-union'));

const FILE = '01011000FFFFFFFF02010310517001017000000020190806204012310000';
const SELECT_TUNION = '00A4040008A00000063201010500';
const SELECT_TUNION_NEW = '00A4040008A00000063210100400';
const SELECT_CITY = '00A4040009A0000000038698070100';
const READ_FILE = '00B095001E';
const FCI = `6F318408A000000632010105A5259F0801029F0C1E${FILE}`;

/** An object of at most 127 bytes. */
function tlv(tag: string, value: string): string {
  return `${tag}${(value.length / 2).toString(16).padStart(2, '0')}${value}`;
}

type Exchange = readonly [c: string, r: string | null];

function selecting(profiles: readonly (typeof tunion)[], ...steps: readonly Exchange[]) {
  return replay(
    selectPurse(profiles),
    steps.map(([c, r]): Step => ({ c, r })),
  );
}

function selected(profiles: readonly (typeof tunion)[], ...steps: readonly Exchange[]) {
  const purse = selecting(profiles, ...steps);
  assert(!isFault(purse), JSON.stringify(purse));
  return purse;
}

test('the FCI of a real card gives the public file in one exchange', () => {
  const purse = selected([tunion], [SELECT_TUNION, `${FCI}9000`]);
  assert.equal(purse.profile, tunion);
  assert.equal(purse.locked, false);
  assert.equal(toHex(purse.publicFile), FILE);
});

test('an FCI built otherwise is parsed in full: long lengths, other order, nested deeper', () => {
  const name = tlv('84', 'A000000632010105');
  const file = tlv('9F0C', FILE);
  const fcis = [
    `6F81${FCI.slice(2)}`,
    tlv('6F', tlv('A5', name + tlv('9F08', '02') + file)),
    tlv('6F', tlv('A5', tlv('BF0C', file + tlv('DF8129', '01')) + '00'.repeat(3))),
    tlv('6F', file),
    tlv('6F', tlv('A5', tlv('DF8129', '01')) + name + file),
  ];
  for (const fci of fcis) {
    const purse = selected([tunion], [SELECT_TUNION, `${fci}9000`]);
    assert.equal(toHex(purse.publicFile), FILE, fci);
  }
});

test('without a public file in the FCI it is read', () => {
  const withoutFile = [
    '',
    '6F0A8408A000000632010105',
    '6F138408A000000632010105A5079F0801029F0C00',
  ];
  // A file of another length, and a template that ends past the answer.
  const odd = ['6F148408A000000632010105A5089F0801029F0C0101', `6F40${FCI.slice(4)}`, '30', '6F'];
  for (const fci of [...withoutFile, ...odd]) {
    const purse = selected([tunion], [SELECT_TUNION, `${fci}9000`], [READ_FILE, `${FILE}9000`]);
    assert.equal(toHex(purse.publicFile), FILE, fci);
  }
});

test('a profile that has no tag for the file always reads it', () => {
  const text = JSON.stringify({ extends: 'tunion', name: 'x', publicFile: { fciTag: null } });
  const profile = compileProfile(parseProfile(text, 'x'));
  const purse = selected([profile], [SELECT_TUNION, `${FCI}9000`], [READ_FILE, `${FILE}9000`]);
  assert.equal(toHex(purse.publicFile), FILE);
});

test('a card without an application is asked for the next, whatever it answers', () => {
  for (const sw of ['6A82', '6999', '6985', '6D00', '1234']) {
    const purse = selected(
      [tunion, cityUnion],
      [SELECT_TUNION, sw],
      [SELECT_TUNION_NEW, sw],
      [SELECT_CITY, '9000'],
      [READ_FILE, `${FILE}9000`],
    );
    assert.equal(purse.profile, cityUnion, sw);
  }
});

test('9000 with stale or blank bytes is no application: the next is tried', () => {
  const stale = `${FCI}9000`.slice(0, 60);
  for (const file of [`${stale}9000`, `${'00'.repeat(30)}9000`, `${'FF'.repeat(30)}9000`, '6A82']) {
    const purse = selected(
      [tunion, cityUnion],
      [SELECT_TUNION, '9000'],
      [READ_FILE, file],
      [SELECT_TUNION_NEW, '6999'],
      [SELECT_CITY, `${FCI}9000`],
    );
    assert.equal(purse.profile, cityUnion, file);
  }
});

test('a card with none of the applications is the fault that says most', () => {
  const none = selecting([tunion], [SELECT_TUNION, '6A82'], [SELECT_TUNION_NEW, '6999']);
  assert.deepEqual(none, {
    fault: 'status',
    command: 'SELECT',
    sw: 0x6a82,
    meaning: 'no such application',
  });
  const unreadable = selecting(
    [tunion],
    [SELECT_TUNION, '9000'],
    [READ_FILE, 'AABB9000'],
    [SELECT_TUNION_NEW, '6A82'],
  );
  assert.deepEqual(unreadable, {
    fault: 'malformed',
    command: 'READ BINARY',
    what: '2 data bytes, expected 30',
  });
  const blank = selecting([jrt0025], [SELECT_CITY, '9000'], [READ_FILE, `${'00'.repeat(30)}9000`]);
  assert(isFault(blank) && blank.fault === 'malformed' && /blank or stale/.test(blank.what));
  const nothing = selecting([]);
  assert(isFault(nothing) && nothing.fault === 'malformed');
});

test('a locked card says so, with its file where it shows it', () => {
  const shown = selected([tunion], [SELECT_TUNION, `${FCI}6283`]);
  assert(shown.locked);
  assert.equal(toHex(shown.publicFile), FILE);
  for (const sw of ['6283', '6A81', '9303']) {
    const hidden = selected([tunion], [SELECT_TUNION, sw], [SELECT_TUNION_NEW, '6A82']);
    assert(hidden.locked);
    assert.equal(toHex(hidden.publicFile), '00'.repeat(30));
  }
  const other = selected([tunion], [SELECT_TUNION, '6283'], [SELECT_TUNION_NEW, `${FCI}9000`]);
  assert(!other.locked, 'an application that works is preferred');
});

test('a card that leaves ends it at once', () => {
  const gone = { fault: 'gone', command: 'SELECT' };
  assert.deepEqual(selecting([tunion, cityUnion], [SELECT_TUNION, null]), gone);
  assert.deepEqual(selecting([tunion], [SELECT_TUNION, '9000'], [READ_FILE, null]), {
    fault: 'gone',
    command: 'READ BINARY',
  });
});

test('61xx and 6Cxx do not show', () => {
  const purse = selected(
    [tunion],
    [SELECT_TUNION, '6133'],
    ['00C0000033', '9000'],
    [READ_FILE, '6C1E'],
    [READ_FILE, `${FILE}9000`],
  );
  assert.equal(toHex(purse.publicFile), FILE);
});

function purseOf(change: Partial<PurseProfile>, file: string = FILE): SelectedPurse {
  const profile = compileProfile({ ...builtInProfile('tunion'), ...change });
  return { profile, publicFile: fromHex(file), locked: false };
}

test('what the public file says', () => {
  const purse = purseOf({});
  assert.equal(toHex(issuer(purse)), '01011000FFFFFFFF');
  assert.equal(toHex(cardNumber(purse)), '03105170010170000000');
  assert.equal(enableDate(purse), 20190806);
  assert.equal(expiryDate(purse), 20401231);
  assert(purseFlagOk(purse));
  assert(issuerAccepted(purse));
});

test('dates that are none are NaN', () => {
  const dates = (hex: string) => enableDate(purseOf({}, `${FILE.slice(0, 40)}${hex}204012310000`));
  for (const bad of ['00000000', 'FFFFFFFF', '20191306', '20190800', '20190832', '2019080A']) {
    assert(Number.isNaN(dates(bad)), bad);
  }
  assert.equal(dates('20200229'), 20200229);
});

test('purse flag and issuer are held against the profile', () => {
  const flagged = (type: string) => purseOf({}, `${FILE.slice(0, 16)}${type}${FILE.slice(20)}`);
  assert(!purseFlagOk(flagged('0101')));
  assert(!purseFlagOk(flagged('0200')));
  const any = { purseFlag: { applicationTypes: null, startFlags: null } };
  assert(purseFlagOk(purseOf(any, `${FILE.slice(0, 16)}7788${FILE.slice(20)}`)));
  assert(issuerAccepted(purseOf({ acceptedIssuers: ['02', '0101'] })));
  assert(!issuerAccepted(purseOf({ acceptedIssuers: ['02', '0102'] })));
});

test('the key is found before INITIALIZE, and as the card says after it', () => {
  const purse = purseOf({});
  const early = keyRef(purse);
  assert.equal(toHex(early.factors), '517001017000000001011000FFFFFFFF');
  assert.equal(early.factorLevels, 2);
  assert.deepEqual([early.keyIndex, early.keyVersion, early.algorithm], [1, 1, 0]);
  const init = { keyVersion: 5, algorithm: 4 };
  const late = keyAsCardSays(early, init);
  assert.deepEqual([late.keyIndex, late.keyVersion, late.algorithm], [1, 5, 4]);
  const city = keyRef({ ...purse, profile: cityUnion });
  assert.equal(toHex(city.factors), '51700101700000000000000000000000');
  assert.equal(city.factorLevels, 1);
});

test('the rider class is a byte of the file, by the profile', () => {
  assert.equal(riderClass(purseOf({})), null);
  const classes = { offset: 28, length: 1, classes: { '00': 'adult', '02': 'senior' } };
  const byDefault = { riderClass: { ...classes, default: 'child' } };
  const withByte = (byte: string) => `${FILE.slice(0, 56)}${byte}00`;
  assert.equal(riderClass(purseOf(byDefault)), 'adult');
  assert.equal(riderClass(purseOf(byDefault, withByte('02'))), 'senior');
  assert.equal(riderClass(purseOf(byDefault, withByte('03'))), 'child');
  const none = { riderClass: { ...classes, default: null } };
  assert.equal(riderClass(purseOf(none, withByte('03'))), null);
});

test('the counter after a debit restarts where the profile says', () => {
  assert.equal(nextOfflineCounter(tunion, 7), 8);
  assert.equal(nextOfflineCounter(tunion, 65535), 0);
  const odd = purseOf({ counter: { last: 0x100, restartAt: 1 } }).profile;
  assert.equal(nextOfflineCounter(odd, 0x100), 1);
});

test('any answers end in a value', () => {
  const answer = fc.option(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 60 }).map((data) => fromHex(`${toHex(data)}9000`)),
      fc
        .tuple(fc.nat(50), fc.nat(255), fc.nat(53))
        .map(([at, byte, cut]) => fromHex(`${FCI}9000`).with(at, byte).subarray(0, cut)),
      fc.constantFrom(...['6A82', '6283', '6133', '6C1E', `${FILE}9000`].map(fromHex)),
    ),
  );
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 6 }), (answers) => {
      let i = 0;
      const result = drive(selectPurse([tunion, cityUnion]), () => answers[i++ % answers.length]!);
      assert(isFault(result) || result.publicFile.length === 30);
      if (isFault(result)) return;
      // Whatever the file holds, it can be asked.
      for (const ask of [issuer, cardNumber, enableDate, expiryDate, purseFlagOk, keyRef])
        ask(result);
      issuerAccepted(result);
      riderClass(result);
    }),
    { numRuns: 500 },
  );
});
