/** `faregate-gate look` at a citizen card that is a program of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { testServices } from '../../gate/reader/virtual/citizen-test-card.ts';
import { freePorts, type Ran, run, start } from '../kit/programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-look-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function look(cardArgs: readonly string[], lookArgs: readonly string[]): Promise<Ran> {
  const [port] = await freePorts(1);
  const gate = start('gate', ['look', '--reader', `tcp-listen:${port}`, ...lookArgs]);
  await gate.seen(/waiting for a card/);
  const card = start('gate', [
    'virtual-card',
    ...['--connect', `127.0.0.1:${port}`, '--personality', 'tunion', '--once', ...cardArgs],
  ]);
  const ran = await gate.ended;
  card.child.kill();
  await card.ended;
  return ran;
}

test('staff are told what a citizen card carries', async () => {
  const services = join(dir, 'services.json');
  const table = testServices.map(({ aid, name }) => ({ aid, name }));
  writeFileSync(services, JSON.stringify({ services: table }));
  const ran = await look(['--citizen', '--balance', '4321'], ['--services', services]);
  assert.equal(ran.code, 0, ran.err);
  assert.deepEqual(ran.out.trim().split('\n'), [
    'purse tunion of issuer 01011000FFFFFFFF: 4321',
    'e-cash A000000333010101: 10000',
    'this card has also: social security, library, medical',
  ]);
});

test('a card of one purse, and a table that is refused by its field', async () => {
  const ran = await look([], ['--profile', 'city-union', '--profile', 'tunion', '--json']);
  const seen = JSON.parse(ran.out) as { purse: { balanceMinor: number }; ecash: object[] };
  assert.equal(seen.purse.balanceMinor, 10_000);
  assert.deepEqual(seen.ecash, []);
  const bad = join(dir, 'bad.json');
  writeFileSync(bad, '{"services": [{"aid": "A0", "name": "x"}]}');
  const refused = await run('gate', ['look', '--reader', 'tcp-listen:0', '--services', bad]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /bad\.json: field \/services\/0\/aid/);
});
