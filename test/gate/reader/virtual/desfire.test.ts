/**
 * The virtual DESFire card by itself: every status word, what ends a session, a transaction that
 * is all or nothing, and any bytes at all; and the reader that holds it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import type { desfireProfileNames } from '../../../../engine/card/desfire/profiles.ts';
import { prepareDebit } from '../../../../engine/card/desfire/purse.ts';
import { VirtualDesfireCard } from '../../../../gate/reader/virtual/desfire/card.ts';
import { issueDesfire } from '../../../../gate/reader/virtual/desfire/state.ts';
import { VirtualReader } from '../../../../gate/reader/virtual/reader.ts';
import { countingBytes, DesfireKit, masters, UID } from '../../../kit/desfire-kit.ts';

const send = (card: VirtualDesfireCard, apdu: string) => toHex(card.transmit(fromHex(apdu)));
const SELECT = '905A0000033042F500';

/** The last byte of what the card answers in a session, to a command sent in clear. */
function inSession(name: (typeof desfireProfileNames)[number], apdu: string): string {
  const kit = new DesfireKit(name);
  const card = kit.card();
  kit.open(card);
  const said = send(card, apdu).slice(-2);
  if (said !== '00' && said !== 'AF') {
    assert.equal(send(card, '906C0000010300').slice(-2), 'AE', 'the session has ended');
  }
  return said;
}

test('every status word', () => {
  const plain = new DesfireKit('desfire-ev2').card();
  assert.equal(send(plain, SELECT), '9100');
  assert.equal(send(plain, '905A00000312345600'), '91A0');
  assert.equal(send(plain, '905A000002304200'), '917E');
  send(plain, SELECT);
  assert.equal(send(plain, '90FE000000'), '911C');
  assert.equal(send(plain, '90AA0000010D00'), '9140');
  assert.equal(send(plain, '9077000001020000'), '6700');
  assert.equal(send(plain, '90770000010200'), '91AE');
  assert.equal(send(plain, '906C0000010300'), '91AE');
  assert.equal(send(plain, '906C0000010900'), '91F0');
  assert.equal(send(plain, '906C010001030000'), '6700');
  assert.equal(send(plain, '906C0100010300'), '919E');
  assert.equal(send(plain, '90AF000000'), '91CA');
  assert.match(send(plain, '9071000002020000'), /91AF$/);
  assert.equal(send(plain, '906C0000010300'), '91CA', 'another command within a chain');
  assert.match(send(plain, '9071000002020000'), /91AF$/);
  assert.equal(send(plain, `90AF000020${'00'.repeat(32)}00`), '91AE', 'a wrong answer');
  assert.equal(send(plain, '0084000008'), '6E00');
  assert.equal(send(plain, '00A4040003A0000000'), '6A82');

  assert.equal(inSession('desfire-ev2', '906C00000903000000000000000000'), '1E');
  assert.equal(inSession('desfire-ev2', '90C7000000'), '7E');
  assert.equal(inSession('desfire-ev1', '90C7000000'), '0C');
  assert.equal(inSession('desfire-ev1', '90C70000010100'), '9D');
  assert.equal(inSession('desfire-ev1', '90C70000010200'), '9E');
  assert.equal(inSession('desfire-ev1', '90BB0000070400000009000000'), 'BE');
  assert.equal(inSession('desfire-ev1', '90AB0000070400000001000000'), '1C');
  assert.equal(inSession('desfire-light', '90BB0000070100000001000000'), '1C');
  // What only damage or personalisation leads to.
  for (const status of [0x0e, 0xa1, 0xc1, 0xca, 0xce, 0xde, 0xee, 0xf1, 0x90]) {
    const card = new DesfireKit('desfire-ev2').card();
    card.failNext(0x60, status);
    assert.equal(send(card, '9060000000'), `91${toHex(Uint8Array.of(status))}`);
    assert.match(send(card, '9060000000'), /91AF$/);
  }
  const disabled = new DesfireKit('desfire-ev2').card({ disabled: true });
  assert.equal(send(disabled, SELECT), '91CD');
});

test('records: none on a new card, and a file that has its limit of transactions', () => {
  const kit = new DesfireKit('desfire-light');
  const empty = kit.card({ record: null });
  const end = kit.tap(empty, 0, kit.record(3, 1));
  assert(end.fault?.fault === 'status' && end.fault.sw === 0x91be);
  const used = kit.card({ transactionLimit: 1 });
  assert.equal(kit.tap(used, 0, kit.record(3, 1)).fault, null);
  // SELECT answers 6283, and still the purse can be read; the commit is refused.
  const last = kit.tap(used, 0, kit.record(4, 2));
  assert(last.fault?.fault === 'status' && last.fault.sw === 0x919d);
  assert.equal(last.pending, false);
});

test('an error, a selection and the loss of the field drop session and what waits', () => {
  const ends: Readonly<Record<string, (card: VirtualDesfireCard) => void>> = {
    error: (card) => void send(card, '90FE000000'),
    selection: (card) => void send(card, SELECT),
    power: (card) => {
      card.power();
      send(card, SELECT);
    },
  };
  for (const [name, end] of Object.entries(ends)) {
    const kit = new DesfireKit('desfire-ev2');
    const card = kit.card();
    const purse = kit.open(card);
    assert.equal(kit.run(card, prepareDebit(purse, 300, kit.record(4, 1))), null);
    end(card);
    assert.equal(send(card, '906C0000010300'), '91AE', name);
    assert.equal(card.state.debitedMinor, 0);
    const again = kit.tap(card, 100, kit.record(4, 2));
    assert.equal(again.fault, null);
    assert.equal(card.state.debitedMinor, 100);
  }
});

test('any bytes get an answer, and money moves by a commit alone', () => {
  const apdu = fc.oneof(
    fc.uint8Array({ minLength: 0, maxLength: 40 }),
    fc
      .tuple(
        fc.constantFrom(0x5a, 0xaa, 0x71, 0x77, 0xaf, 0x6c, 0xdc, 0x0c, 0xbb, 0x3b, 0xc7, 0xa7),
        fc.uint8Array({ minLength: 0, maxLength: 60 }),
      )
      .map(([ins, data]) =>
        data.length === 0
          ? Uint8Array.of(0x90, ins, 0, 0, 0)
          : Uint8Array.of(0x90, ins, 0, 0, data.length, ...data, 0),
      ),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('ev1' as const, 'ev2' as const, 'light' as const),
      fc.array(apdu, { minLength: 1, maxLength: 20 }),
      (generation, apdus) => {
        const state = issueDesfire(generation, UID, masters, { valueMinor: 500 });
        const card = new VirtualDesfireCard({ state, randomBytes: countingBytes() });
        send(card, SELECT);
        for (const one of apdus) {
          const answer = card.transmit(one);
          assert(answer.length >= 2 && answer.length <= 258);
        }
        assert.equal(card.state.application.value.value, 500);
      },
    ),
    { numRuns: 300 },
  );
});

test('a reader holds it: its commands by name, torn where the plan says', async () => {
  const kit = new DesfireKit('desfire-ev2');
  const card = kit.card();
  const reader = new VirtualReader();
  const gone = reader.present(card, {
    kbitps: 106,
    tear: { command: 'AUTHENTICATE', when: 'before' },
  });
  for await (const session of reader.cards()) {
    assert.deepEqual(session.uid, UID);
    assert.equal(toHex((await session.transceive(fromHex(SELECT)))!), '9100');
    assert(session.modelledUs > 0);
    assert.equal(await session.transceive(fromHex('9071000002020000')), null);
    break;
  }
  await gone;
  await reader.close();
});
