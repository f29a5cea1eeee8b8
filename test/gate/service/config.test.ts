/** What the configuration says of both card families, and what it may not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { desfireProfile } from '../../../engine/card/desfire/profiles.ts';
import { segmentedFare } from '../../../engine/card/qpboc/extended/profiles.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { sampleFareBook } from '../../../engine/fare/sample-city.ts';
import { openDesfireProfile } from '../../../engine/operator/desfire-files.ts';
import { isDesfireProfile } from '../../../engine/operator/profile-files.ts';
import { testCaKeys } from '../../../gate/reader/virtual/ecash-test-card.ts';
import { foreignFares, openBank, requireOwnMoney } from '../../../gate/service/bank.ts';
import { readServiceConfig } from '../../../gate/service/config.ts';
import { gateConfig, stationConfig } from '../../kit/station-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-config-'));
after(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, content: object): string {
  const path = join(dir, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function config(changes: object): string {
  return write('gate.json', {
    ...stationConfig(7443, [gateConfig('IN', 'entry', '0112', 1, 9001)]),
    ...changes,
  });
}

const bank = {
  caKeys: 'ca-keys.json',
  applications: ['A000000333'],
  country: 156,
  currency: 156,
  ecash: true,
  maxAmountMinor: 5000,
};

test('bank cards, and the order of families', async () => {
  const families = ['bank', 'purse'];
  const read = await readServiceConfig(config({ bank, families }));
  assert.deepEqual(read.bank, { ...bank, caKeys: join(dir, 'ca-keys.json') });
  assert.deepEqual(read.families, families);
  assert(read.bank);
  await assert.rejects(openBank(read.bank), { code: 'FILE_UNREADABLE' });
  writeFileSync(read.bank.caKeys, '{"keys": 1}');
  await assert.rejects(openBank(read.bank), { code: 'CA_KEYS_INVALID' });
  writeFileSync(read.bank.caKeys, JSON.stringify(testCaKeys));
  const opened = await openBank(read.bank);
  assert.deepEqual([opened.ecash, opened.openLoop, opened.policy.fddaV00], [true, false, true]);
  const alone = await readServiceConfig(config({ profiles: [], bank }));
  assert.deepEqual(alone.profiles, []);
});

test('bank cards that would pay the fares in other money keep the gate from starting', async () => {
  const files = { caKeys: join(dir, 'money-ca-keys.json') };
  writeFileSync(files.caKeys, JSON.stringify(testCaKeys));
  const fares = sampleFareBook();
  const opened = await openBank({ ...bank, ...files });
  assert.equal(foreignFares(opened, fares), null);
  requireOwnMoney(opened, fares, 'gate.json', '/bank/currency');
  const other = await openBank({ ...bank, ...files, currency: 344 });
  assert.throws(
    () => requireOwnMoney(other, fares, 'gate.json', '/bank/currency'),
    (error) =>
      error instanceof FaregateError &&
      error.code === 'CONFIG_INVALID' &&
      /^gate.json: field \/bank\/currency is 344, but fare version 1 is in CNY, 156$/.test(
        error.message,
      ),
  );
});

test('the extended application of bank cards, by name or file', async () => {
  const files = { caKeys: join(dir, 'own-ca-keys.json') };
  writeFileSync(files.caKeys, JSON.stringify(testCaKeys));
  const extendedProfile = 'segmented-fare';
  const named = await readServiceConfig(config({ bank: { ...bank, ...files, extendedProfile } }));
  const opened = await openBank(named.bank!);
  assert.deepEqual(opened.extendedProfile?.settings, segmentedFare);
  const own = { ...bank, ...files, extendedProfile: './own-extended.json' };
  const read = await readServiceConfig(config({ bank: own }));
  assert.equal(read.bank?.extendedProfile, join(dir, 'own-extended.json'));
  await assert.rejects(openBank(read.bank), { code: 'FILE_UNREADABLE' });
  write('own-extended.json', { ...segmentedFare, sfi: 40 });
  await assert.rejects(openBank(read.bank), { code: 'PROFILE_INVALID', message: /\/sfi/ });
  write('own-extended.json', { ...segmentedFare, name: 'city', sfi: 20 });
  assert.equal((await openBank(read.bank)).extendedProfile?.settings.sfi, 20);
});

test('what entries hold, with a profile that has room for it', async () => {
  const files = { caKeys: join(dir, 'own-ca-keys.json') };
  writeFileSync(files.caKeys, JSON.stringify(testCaKeys));
  const open = async (changes: object) => {
    const read = await readServiceConfig(config({ bank: { ...bank, ...files, ...changes } }));
    return openBank(read.bank!);
  };
  const extendedProfile = 'held-fare';
  for (const hold of ['maxFare', 700] as const) {
    assert.equal((await open({ extendedProfile, hold })).hold, hold);
  }
  assert.equal((await open({ extendedProfile })).hold, undefined);
  for (const [changes, message] of [
    [{ hold: 'maxFare' }, /extendedProfile/],
    [{ extendedProfile, hold: 0 }, /\/bank\/hold/],
    [{ extendedProfile, hold: 'all' }, /\/bank\/hold/],
    [{ extendedProfile, hold: bank.maxAmountMinor + 1 }, /hold is over \/bank\/maxAmountMinor/],
    [{ extendedProfile: 'segmented-fare', hold: 700 }, /segmented-fare has no field/],
  ] as const) {
    await assert.rejects(open(changes), { code: 'CONFIG_INVALID', message });
  }
});

test('AES schemes by name or file, beside the purses or alone', async () => {
  const both = await readServiceConfig(config({ desfireProfiles: ['desfire-ev2', './own.json'] }));
  assert.deepEqual(both.desfireProfiles, ['desfire-ev2', join(dir, 'own.json')]);
  const alone = config({ profiles: [], desfireProfiles: ['desfire-ev2'], families: ['desfire'] });
  assert.deepEqual((await readServiceConfig(alone)).profiles, []);
});

test('no scheme at all, or an order of families that are not there, is refused', async () => {
  for (const [changes, message] of [
    [{ profiles: [] }, /field \/profiles/],
    [{ families: ['purse', 'desfire'] }, /field \/families names desfire, .* \/desfireProfiles/],
    [{ families: ['purse'], bank }, /field \/families leaves out bank of \/bank/],
    [{ families: ['felica'] }, /\/families\/0/],
    [{ families: ['purse', 'purse'] }, /\/families/],
    [{ bank: { ...bank, ecash: false } }, /\/bank/],
    [{ bank: { ...bank, applications: ['A000'] } }, /\/bank\/applications\/0/],
    [{ bank: { ...bank, qualifiers: '2800' } }, /\/bank\/qualifiers/],
    [{ bank: { ...bank, country: 0 } }, /\/bank\/country/],
    [{ bank: { ...bank, maxAmountMinor: 0 } }, /\/bank\/maxAmountMinor/],
    [{ bank: { ...bank, caKey: 'x' } }, /\/bank/],
    [
      { bank: { ...bank, ecash: false, openLoop: true, extendedProfile: 'segmented-fare' } },
      /\/bank\/ecash/,
    ],
    [{ desfireProfiles: [] }, /\/desfireProfiles/],
  ] as const) {
    await assert.rejects(
      readServiceConfig(config(changes)),
      (error) =>
        error instanceof FaregateError &&
        error.code === 'CONFIG_INVALID' &&
        message.test(error.message),
    );
  }
});

test('a profile whose debits nobody could verify is not for gates, and says why', async () => {
  const ev2 = desfireProfile('desfire-ev2');
  const { counter: _, ...fields } = ev2.recordFile.fields;
  const cases = [
    [{ ...ev2, transactionMac: null }, /field \/transactionMac is null/],
    [{ ...ev2, recordFile: { ...ev2.recordFile, fields } }, /fields\/counter is missing/],
    [{ ...ev2, recordFile: { ...ev2.recordFile, length: 56, records: 4 } }, /length must be <= 48/],
    [
      { ...ev2, maxAmountMinor: 70_000, recordFile: desfireProfile('desfire-light').recordFile },
      /maxAmountMinor does not fit the 2 bytes/,
    ],
  ] as const;
  for (const [profile, message] of cases) {
    const path = write('own.json', profile);
    await assert.rejects(
      openDesfireProfile(path),
      (error) =>
        error instanceof FaregateError &&
        error.code === 'PROFILE_INVALID' &&
        error.message.startsWith(path) &&
        message.test(error.message),
      String(message),
    );
  }
  await assert.rejects(openDesfireProfile('desfire-ev1'), /not for gates/);
  await assert.rejects(openDesfireProfile(join(dir, 'none.json')), {
    code: 'FILE_UNREADABLE',
    message: /none\.json: no built-in DESFire profile, and as a file: no such file/,
  });
});

test('the family of a profile is seen by its name or its file', async () => {
  assert(await isDesfireProfile('desfire-light'));
  assert(await isDesfireProfile(write('own.json', desfireProfile('desfire-ev2'))));
  assert(!(await isDesfireProfile('tunion')));
  assert(!(await isDesfireProfile(write('purse.json', { extends: 'tunion', name: 'own' }))));
  assert(!(await isDesfireProfile(join(dir, 'none.json'))));
});

test('a kernel certificate is of a reader with a kernel', async () => {
  const gate = (reader: string) => ({
    ...gateConfig('IN', 'entry', '0112', 1, 9001),
    reader,
    kernelCertificate: 'T-1',
  });
  const gates = [gate('kernel-tcp:127.0.0.1:9001')];
  const read = await readServiceConfig(config({ bank, gates }));
  assert.equal(read.gates[0]!.kernelCertificate, 'T-1');
  await assert.rejects(readServiceConfig(config({ bank, gates: [gate('pcsc')] })), {
    code: 'CONFIG_INVALID',
    message: /field \/gates\/0\/kernelCertificate needs a reader kernel-tcp, /,
  });
});
