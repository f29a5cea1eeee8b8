/** What a station's self-test says of purchase keys that are some issuers' alone. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileGateProfile } from '../../../engine/card/desfire/compile.ts';
import { desfireProfile } from '../../../engine/card/desfire/profiles.ts';
import { compileProfile } from '../../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../../engine/card/purse/profiles.ts';
import { AesKeyring, type AesMasterKey } from '../../../engine/crypto/aes-keyring.ts';
import { Keyring, type MasterKey } from '../../../engine/crypto/keyring.ts';
import { fareBook } from '../../../engine/fare/book.ts';
import { compileFares } from '../../../engine/fare/compile.ts';
import { sampleFareSet } from '../../../engine/fare/sample-city.ts';
import type { ServiceConfig } from '../../../gate/service/config.ts';
import { selfTest } from '../../../gate/service/self-test.ts';

const tunion = compileProfile(builtInProfile('tunion'));
const desfire = compileGateProfile(desfireProfile('desfire-ev2'), 'test');
const nowhere = join(tmpdir(), 'faregate-no-such-folder');
const gate = { id: 'IN', side: 'entry', station: '0112', reader: 'pn533:/dev/x' };
const folders = { bundle: nowhere, journal: nowhere };
const config = { gates: [{ ...gate, ...folders }] } as unknown as ServiceConfig;

async function saidOf(
  keys: readonly MasterKey[],
  aes: readonly AesMasterKey[],
  about = ' key of ',
): Promise<string[]> {
  const checks = await selfTest(
    config,
    {
      keyring: new Keyring(keys),
      aesKeyring: new AesKeyring(aes),
      fares: fareBook([compileFares(sampleFareSet())]),
      profiles: [tunion],
      desfire: [desfire],
      bank: null,
    },
    Date.UTC(2026, 10, 30),
  );
  const ofKeys = checks.filter(({ what }) => what.includes(about));
  return ofKeys.map(({ state, detail }) => `${state}: ${detail}`);
}

const master = new Uint8Array(16);
const name = { use: 'purchase', algorithm: '3des', index: tunion.keyIndex } as const;
const key: MasterKey = { ...name, version: tunion.keyVersion, master };
const debit: AesMasterKey = { use: 'debit', version: desfire.settings.keys.debit.version, master };
const named = `index ${tunion.keyIndex}, version ${tunion.keyVersion}`;
const version = `version ${debit.version}`;

test('a common key is there, an issuer’s own is there for its cards, none is a warning', async () => {
  const issuer = new Uint8Array(8).fill(0x11);
  const other = { ...key, issuer: new Uint8Array(8).fill(0x22) };
  assert.deepEqual(await saidOf([key, other], [debit]), [`ok: ${named}`, `ok: ${version}`]);
  const { application } = desfire;
  assert.deepEqual(await saidOf([{ ...key, issuer }, other], [{ ...debit, application }]), [
    `ok: ${named}, for cards of 1111111111111111, 2222222222222222 alone`,
    `ok: ${version}`,
  ]);
  const foreign = { ...debit, application: Uint8Array.of(1, 2, 3) };
  assert.deepEqual(await saidOf([{ ...other, version: 9 }], [foreign]), [
    `warning: ${named} is not in the key file`,
    `warning: ${version} is not in the key file`,
  ]);
});

test('what is no reader link is found before the gate opens', async () => {
  const said = await saidOf([key], [debit], ': reader');
  assert.deepEqual(said, ['failed: pn533:/dev/x is no reader link; docs/readers.md lists them']);
});
