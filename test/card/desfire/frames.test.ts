/** Wrapped frames and their bounds, statuses, and whatever bytes a card may answer with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../../engine/bytes.ts';
import { commandBuffer, exchangeFrames, wrapped } from '../../../engine/card/desfire/frames.ts';
import { desfireProfileNames } from '../../../engine/card/desfire/profiles.ts';
import { commit, openPurse, prepareDebit } from '../../../engine/card/desfire/purse.ts';
import { desfireCommand } from '../../../engine/card/desfire/statuses.ts';
import type { Answer } from '../../../engine/card/dialogue.ts';
import { statusMeaning } from '../../../engine/card/status.ts';
import { DESFIRE_ANSWER_BYTES_MAX, DESFIRE_FRAMES_MAX } from '../../../engine/card-limits.ts';
import { DesfireKit, UID } from '../../kit/desfire-kit.ts';

const command = desfireCommand('Test', 0x3b, true);

/** Sends `length` bytes in frames of `frameBytes` to a card that answers in turn. */
function exchanged(length: number, frameBytes: number, answers: readonly (Uint8Array | null)[]) {
  const buffer = commandBuffer();
  for (let i = 0; i < length; i++) buffer[5 + i] = i;
  const sent: string[] = [];
  const dialogue = exchangeFrames(command, buffer, length, frameBytes, null);
  let step = dialogue.next();
  while (!step.done) {
    assert(step.value.ask === 'card');
    const answer = answers[sent.length];
    sent.push(toHex(step.value.apdu));
    assert(answer !== undefined, 'more commands than answers');
    step = dialogue.next(answer);
  }
  return { sent, end: step.value };
}

const said = (status: number, ...data: number[]) => Uint8Array.of(...data, 0x91, status);

test('commands without and with data, as cards take them', () => {
  assert.equal(toHex(wrapped(commandBuffer(), 0x60, 0)), '9060000000');
  const { sent, end } = exchanged(3, 54, [said(0, 9)]);
  assert.deepEqual(sent, ['903B000003' + '000102' + '00']);
  assert.deepEqual(end, said(0, 9));
});

test('a long command goes in frames, a long answer comes in frames', () => {
  const { sent, end } = exchanged(7, 3, [said(0xaf), said(0xaf), said(0xaf, 1, 2), said(0, 3)]);
  assert.deepEqual(sent, [
    '903B00000300010200',
    '90AF00000303040500',
    '90AF0000010600',
    '90AF000000',
  ]);
  assert.deepEqual(end, said(0, 1, 2, 3));
});

test('cards that keep to no bound', () => {
  const endless = exchanged(1, 54, new Array(100).fill(said(0xaf, 1)));
  assert.equal(endless.sent.length, DESFIRE_FRAMES_MAX);
  assert('fault' in endless.end && endless.end.fault === 'malformed');
  const long = new Array(100).fill(said(0xaf, ...new Array(256).fill(1)));
  const flood = exchanged(1, 54, long);
  assert(flood.sent.length <= DESFIRE_ANSWER_BYTES_MAX / 256 + 1);
  assert('fault' in flood.end && flood.end.fault === 'malformed');
  const early = exchanged(7, 3, [said(0)]);
  assert('fault' in early.end && early.end.fault === 'malformed');
  const talks = exchanged(7, 3, [said(0xaf, 1)]);
  assert('fault' in talks.end && talks.end.fault === 'malformed');
  const gone = exchanged(7, 3, [said(0xaf), null]);
  assert.deepEqual(gone.end, { fault: 'gone', command: 'Test' });
  const refused = exchanged(7, 3, [said(0xaf), said(0x7e)]);
  assert('fault' in refused.end && refused.end.fault === 'status');
  assert.equal(refused.end.meaning, 'wrong length of the command');
  const short = exchanged(1, 54, [Uint8Array.of(0x91)]);
  assert('fault' in short.end && short.end.fault === 'malformed');
});

test('every status has a meaning, with C1 and CA the right way round', () => {
  const all = '00 0C 0E 1C 1E 40 7E 90 9D 9E A0 A1 AE AF BE C1 CA CD CE DE EE F0 F1'.split(' ');
  for (const status of all) {
    const meaning = statusMeaning(command.statuses, Number.parseInt(`91${status}`, 16));
    assert.notEqual(meaning, 'not a status word of this command', status);
  }
  assert.equal(statusMeaning(command.statuses, 0x91c1), 'the card is damaged');
  assert.equal(statusMeaning(command.statuses, 0x91ca), 'the command before was not completed');
});

test('whatever a card answers, a tap ends in a value', () => {
  const answer = fc.oneof(
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.uint8Array({ minLength: 0, maxLength: 300 }) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          fc.uint8Array({ minLength: 0, maxLength: 80 }),
          fc.constantFrom(0x00, 0xaf, 0xae, 0xbe),
        )
        .map(([data, status]) => said(status, ...data)),
    },
    // What leads further: the real card's answer.
    { weight: 12, arbitrary: fc.constant('real' as const) },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...desfireProfileNames),
      fc.array(answer, { minLength: 12, maxLength: 12 }),
      fc.boolean(),
      (name, answers, hasUid) => {
        const kit = new DesfireKit(name);
        const card = kit.card();
        const record = kit.record(4, 2);
        const tap = function* () {
          const uid = hasUid ? UID : new Uint8Array(0);
          const purse = yield* openPurse(kit.gate, kit.profile, 'debit', uid);
          if ('fault' in purse) return purse;
          const prepared = yield* prepareDebit(purse, 300, record);
          if (prepared) return prepared;
          return yield* commit(purse);
        };
        const dialogue = tap();
        let step = dialogue.next();
        for (let commands = 0; !step.done; ) {
          const ask = step.value;
          let said: Answer;
          if (ask.ask === 'card') {
            const planned = answers[commands % answers.length];
            commands += 1;
            assert(commands < 200, 'it ends');
            said = planned === 'real' ? card.transmit(ask.apdu) : planned!;
          } else {
            said = kit.holder.answer(ask);
          }
          step = dialogue.next(said);
        }
        assert.notEqual(step.value, undefined);
      },
    ),
    { numRuns: 400 },
  );
});
