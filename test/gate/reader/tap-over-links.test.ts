/** `faregate-gate tap` with a virtual card in the field of a simulated reader, on its real links. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toHex } from '../../../engine/bytes.ts';
import type { TapDescription } from '../../../gate/cli/tap-report.ts';
import { noPty, type Plug, PtyPlug, TcpPlug } from '../../kit/device-hosts.ts';
import { run, start } from '../../kit/programs.ts';
import { Acr122Device, type Device, looked, Pn532Device } from '../../kit/reader-devices.ts';
import { cardOf, masters } from './virtual/terminal.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-links-'));
const keys = join(dir, 'keys.sealed');

before(async () => {
  const clear = join(dir, 'clear.json');
  const { purchase, tac } = masters;
  const inHex = { ...purchase, master: toHex(purchase.master) };
  const tacInHex = { ...tac, index: 1, master: toHex(tac.master) };
  writeFileSync(clear, JSON.stringify({ purchase: inHex, tac: tacInHex }));
  const made = await run('engine', ['keys', 'import', clear, '--out', keys]);
  assert.equal(made.code, 0, made.err);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** The two chips and the two carriers; the suites have all four pairs. */
const links: [kind: string, device: Device, plug: (d: Device) => Promise<Plug>, string | false][] =
  [
    ['pn532-tcp', new Pn532Device(), TcpPlug.of, false],
    ['acr122-serial', new Acr122Device(), PtyPlug.of, noPty],
  ];

for (const [kind, device, plugIn, skip] of links) {
  test(`a purchase through ${kind}`, { skip }, async () => {
    const plug = await plugIn(device);
    const args = ['--reader', `${kind}:${plug.address}`, '--profile', 'tunion', '--keys', keys];
    const tap = start('gate', ['tap', ...args, '--amount', '200', '--deadline', '20000', '--json']);
    await tap.seen(/waiting for a card/);
    const blank = cardOf();
    const two = [device.field.present(blank), device.field.present(blank)];
    await tap.seen(/several cards in the field: take them away and present one/);
    device.field.clear();
    await Promise.all(two);
    await looked(device);
    const card = cardOf({ balanceMinor: 1000 });
    const left = device.field.present(card);
    const { code, out, err } = await tap.ended;
    assert.equal(code, 0, err);
    const told = JSON.parse(out.trim().split('\n').pop() ?? '') as TapDescription;
    assert.equal(told.open, true);
    assert.equal(card.state.balanceMinor, 800);
    await left;
    await plug.end();
  });
}
