/**
 * Recorded exchanges with a PN532 and an ACR122, byte for byte: what the gate sends is what the
 * trace has, and what it makes of the recorded answers is what the card said.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { Acr122Channel } from '../../../gate/reader/acr122-channel.ts';
import type { ByteLinkSource } from '../../../gate/reader/byte-link.ts';
import { Pn532 } from '../../../gate/reader/pn532.ts';
import { Pn532SerialChannel } from '../../../gate/reader/pn532-serial.ts';
import { noShared, vectors } from '../../shared.ts';

const once = { timeoutMs: 60_000, repeatable: false };
const ACK = '0000FF00FF00';
const TAKEN = '02000003';

/** A link on which each write must be the script's next, and is met by its answers. */
function scripted(script: readonly (readonly [sent: string, answers: string])[]): ByteLinkSource {
  const lines = [...script];
  return {
    name: 'script',
    open: async (listener) => ({
      write: (bytes) => {
        const line = lines.shift();
        assert.equal(toHex(bytes), line?.[0]);
        if (line?.[1]) setImmediate(() => listener.onBytes(fromHex(line[1])));
      },
      close: () => assert.deepEqual(lines, [], 'the whole script was played'),
    }),
  };
}

function frameOf(id: string): string {
  const all = vectors<{ id: string; expected: { frame?: string } }>('pn532');
  return all.find((each) => each.id === id)!.expected.frame!;
}

test('a PN532 authenticating a DESFire EV1', { skip: noShared }, async () => {
  const channel = await Pn532SerialChannel.open(
    'script',
    scripted([
      [frameOf('pn532-indataexchange-AA'), ACK + frameOf('pn532-resp-AF-rndB')],
      [frameOf('pn532-indataexchange-AF'), ACK + frameOf('pn532-resp-00-rndA')],
    ]),
  );
  const first = await channel.exchange(fromHex('4001AA00'), once);
  assert.equal(toHex(first!), '00AFB969FDFE56FD91FC9DE6F6F213B8FD1E');
  const second = await channel.exchange(
    fromHex('4001AF36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774'),
    once,
  );
  assert.equal(toHex(second!), '0000800DB680BC146BD121D6578F2D2E2059');
  channel.close();
});

test('a PN532 being woken and looking for cards', { skip: noShared }, async () => {
  const taken = (code: string, check: string) => `${ACK}0000FF02FED5${code}${check}00`;
  const channel = await Pn532SerialChannel.open(
    'script',
    scripted([
      [`5555${'00'.repeat(14)}`, ''],
      [ACK, ''],
      [frameOf('pn532-SAMConfiguration'), taken('15', '16')],
      ['0000FF06FAD43205FF0101F400', taken('33', 'F8')],
      ['0000FF04FCD4320100F900', taken('33', 'F8')],
      ['0000FF04FCD4320101F800', taken('33', 'F8')],
      // A MIFARE Classic of a public trace: ATQA 0004, SAK 08, UID 14E0992C.
      ['0000FF04FCD44A0200E000', `${ACK}0000FF0CF4D54B01010004080414E0992C1500`],
    ]),
  );
  const chip = await Pn532.start('script', channel);
  const [target, ...others] = await chip.targets();
  assert.deepEqual(others, []);
  assert.deepEqual(target, { number: 1, uid: fromHex('14E0992C'), speaksApdu: false });
  chip.close();
});

/** Checksums of the manual's placeholder filled in by its rule. */
function acr(body: string): string {
  const bytes = fromHex(body);
  const check = bytes.reduce((xor, byte) => xor ^ byte, 0);
  return `02${body}${toHex(Uint8Array.of(check))}03`;
}

test('an ACR122 getting a challenge from a type B card (manual of the ACR122L, page 42)', async () => {
  const channel = await Acr122Channel.open(
    'script',
    scripted([
      [
        acr('6F0D000000000100 0000FF00000008D440010084000008'.replace(' ', '')),
        TAKEN + acr('800F0000000001010000D54100628999EDC057692B90009000'),
      ],
    ]),
  );
  const answer = await channel.exchange(fromHex('40010084000008'), once);
  assert.equal(toHex(answer!), '00628999EDC057692B9000');
  channel.close();
});

test('an ACR122 whose SAM slot is activated (manual of the ACR122S, page 12)', async () => {
  const channel = await Acr122Channel.open(
    'script',
    scripted([
      [acr('62000000000001010000'), TAKEN + acr('800D00000000010000003B2A00806524B0000200829000')],
    ]),
  );
  await channel.wake();
  channel.close();
});
