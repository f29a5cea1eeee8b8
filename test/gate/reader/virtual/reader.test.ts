/** The virtual reader: the suite of readers, tears at every command and phase, and its time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../../engine/bytes.ts';
import type { CardSession } from '../../../../gate/reader/reader.ts';
import type { VirtualCard } from '../../../../gate/reader/virtual/card.ts';
import {
  type CardState,
  decodeCardState,
  encodeCardState,
} from '../../../../gate/reader/virtual/card-state.ts';
import {
  type PresentOptions,
  type Tear,
  VirtualReader,
} from '../../../../gate/reader/virtual/reader.ts';
import { readerSuite } from '../../../suites/reader.ts';
import { balances, cardOf, cardWith, journeyRecord, Terminal } from './terminal.ts';

readerSuite('virtual', async () => {
  const reader = new VirtualReader();
  return {
    reader,
    present: (card, commands) =>
      reader.present(card, {
        kbitps: 106,
        ...(commands !== undefined && { tear: { command: commands + 1, when: 'before' } }),
      }),
  };
});

/** The commands of one exit tap, as a terminal sends them to a card in this state. */
function exitTap(card: VirtualCard): Uint8Array[] {
  const terminal = new Terminal(cardWith(card.state));
  terminal.select();
  terminal.send('00B201F430');
  terminal.capp(300, journeyRecord(7));
  return terminal.sent;
}

async function tap(
  card: VirtualCard,
  options: Omit<PresentOptions, 'kbitps'>,
): Promise<{ answers: (string | null)[]; session: CardSession }> {
  const reader = new VirtualReader();
  const left = reader.present(card, { kbitps: 106, ...options });
  const answers: (string | null)[] = [];
  let session: CardSession | null = null;
  for await (session of reader.cards()) {
    for (const apdu of exitTap(card)) {
      const response = await session.transceive(apdu);
      answers.push(response && toHex(response.subarray(-2)));
    }
    break;
  }
  await left;
  await reader.close();
  assert(session);
  return { answers, session };
}

const commands = ['SELECT', 'READ RECORD', 'INITIALIZE', 'UPDATE', 'DEBIT'] as const;

for (const [nth, command] of commands.entries()) {
  for (const when of ['before', 'during', 'after'] as const) {
    test(`torn ${when} ${command}: the card is as before or wholly debited`, async () => {
      for (const named of [command, nth + 1]) {
        const commits: CardState[] = [];
        const card = cardOf({ commit: (state) => commits.push(state) });
        const before = card.state;
        const { answers } = await tap(card, { tear: { command: named, when } });
        assert.deepEqual(
          answers,
          commands.map((_, i) => (i < nth ? '9000' : null)),
        );
        const debited = command === 'DEBIT' && when === 'after';
        assert.equal(commits.length, debited ? 1 : 0);
        assert.equal(card.state, debited ? commits[0] : before);
        assert.equal(card.state.balanceMinor, debited ? 9700 : 10_000);
        assert.equal(card.state.offlineCounter, debited ? 1 : 0);
        assert.deepEqual(card.state.journey, debited ? journeyRecord(7) : before.journey);
        assert(balances(card.state));

        // What was open is forgotten, and the next tap finds the card in order.
        assert.equal(new Terminal(card).send('805C000204').sw, '6985');
        const terminal = new Terminal(cardWith(decodeCardState(encodeCardState(card.state))));
        terminal.select();
        assert.equal(terminal.send('805A000902000108').sw, debited ? '9000' : '9406');
        assert.equal(terminal.capp(300, journeyRecord(8)).sw, '9000');
      }
    });
  }
}

test('a tear at a command that never comes tears nothing', async () => {
  const tear: Tear = { command: 'CREDIT', when: 'before' };
  const { answers } = await tap(cardOf(), { tear });
  assert.deepEqual(answers, ['9000', '9000', '9000', '9000', '9000']);
});

test('a tear may hit a later command of a name', async () => {
  const terminal = new Terminal(cardOf());
  terminal.select();
  const select = terminal.sent[0]!;
  for (const nth of [1, 2, 3]) {
    const reader = new VirtualReader();
    const tear: Tear = { command: 'SELECT', nth, when: 'before' };
    const left = reader.present(cardOf(), { kbitps: 106, tear });
    const answers: boolean[] = [];
    for await (const session of reader.cards()) {
      for (let i = 0; i < 4; i++) answers.push((await session.transceive(select)) !== null);
      break;
    }
    await left;
    await reader.close();
    assert.deepEqual(
      answers,
      [1, 2, 3, 4].map((each) => each < nth),
    );
  }
});

test('modelled time grows with each command and is less at a faster rate', async () => {
  const spent = async (kbitps: 106 | 848): Promise<number[]> => {
    const reader = new VirtualReader();
    const card = cardOf();
    const left = reader.present(card, { kbitps });
    const times: number[] = [];
    for await (const session of reader.cards()) {
      times.push(session.modelledUs);
      for (const apdu of exitTap(card)) {
        await session.transceive(apdu);
        times.push(session.modelledUs);
      }
      break;
    }
    await left;
    return times;
  };
  const slow = await spent(106);
  const fast = await spent(848);
  for (let i = 1; i < slow.length; i++) assert(slow[i]! > slow[i - 1]!);
  assert(slow.at(-1)! > 120_000 && slow.at(-1)! < 200_000, `${slow.at(-1)}`);
  assert(fast.at(-1)! < slow.at(-1)!);
});

test('real pace waits as long as the model says, and counts nothing', async () => {
  const { session: modelled } = await tap(cardOf(), {});
  const start = performance.now();
  const { session } = await tap(cardOf(), { pace: 'real' });
  const elapsedMs = performance.now() - start;
  assert.equal(session.modelledUs, 0);
  // Never early; how late a busy machine is, no test decides.
  assert(elapsedMs >= modelled.modelledUs / 1000 - 5, `${elapsedMs} of ${modelled.modelledUs}`);
});

test('the seeded spread decides the time, and the same seed the same time', async () => {
  const timeWith = async (chances: readonly number[]): Promise<number> => {
    let at = 0;
    const reader = new VirtualReader({ chance: () => chances[at++ % chances.length]! });
    const card = cardOf();
    const left = reader.present(card, { kbitps: 106 });
    for await (const session of reader.cards()) {
      await session.transceive(exitTap(card)[0]!);
      await session.release();
      await left;
      return session.modelledUs;
    }
    return 0;
  };
  assert.equal(await timeWith([0.2, 0.9]), await timeWith([0.2, 0.9]));
  assert((await timeWith([0])) < (await timeWith([1])));
});

test('more cards than may wait at one reader is a mistake of the caller', async () => {
  const reader = new VirtualReader();
  const present = (): Promise<void> => reader.present(cardOf(), { kbitps: 106 });
  await assert.rejects(async () => {
    for (let i = 0; i < 10_000; i++) void present();
  }, /too many cards/);
  await reader.close();
});
