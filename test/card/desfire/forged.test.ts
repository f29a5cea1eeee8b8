/**
 * Answers on the air that are replayed, cut, lengthened or changed: each is refused with its own
 * reason, nothing is debited by it, and a commit whose answer does not verify stays open.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DesfireFault } from '../../../engine/card/desfire/asks.ts';
import { desfireProfileNames } from '../../../engine/card/desfire/profiles.ts';
import { didNotCommit } from '../../../engine/card/desfire/purse.ts';
import { DesfireKit, type Tamper } from '../../kit/desfire-kit.ts';

function tapWith(name: (typeof desfireProfileNames)[number], tamper: Tamper) {
  const kit = new DesfireKit(name);
  const card = kit.card();
  kit.tap(card, 0, kit.record(3, 1));
  const end = kit.tap(card, 300, kit.record(4, 2), { tamper });
  return { kit, card, end };
}

function why(fault: DesfireFault | null): string {
  assert(fault?.fault === 'forged', JSON.stringify(fault));
  return fault.why;
}

const flip = (answer: Uint8Array, bit: number) => {
  const changed = answer.slice();
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
};

/** `length` bytes of data and the status word. */
const cutTo = (answer: Uint8Array, length: number) =>
  Uint8Array.of(...answer.subarray(0, length), 0x91, 0x00);

for (const name of desfireProfileNames) {
  // SELECT, authentication of two commands; what comes after is in the session.
  const first = 4;
  const last = name === 'desfire-ev1' ? 9 : 8;

  test(`${name}: every answer of the session, any bit`, () => {
    for (let command = first; command <= last; command++) {
      for (let step = 0; step < 40; step++) {
        let isChanged = false;
        const { card, end } = tapWith(name, (answer, at) => {
          const bits = (answer.length - 2) * 8;
          if (at !== command || bits === 0) return answer;
          isChanged = true;
          return flip(answer, (step * 17) % bits);
        });
        // An EV1 frame within a long command is answered by 91AF alone.
        if (!isChanged) continue;
        assert.equal(why(end.fault), 'macInvalid', `command ${command}`);
        assert.equal(card.state.debitedMinor, command === last ? 300 : 0);
        assert.equal(end.pending, command === last, 'open only once it was sent');
        if (command === last) assert.equal(didNotCommit(end.fault!), false);
      }
    }
  });

  test(`${name}: an answer cut short or drawn out`, () => {
    const longer = (answer: Uint8Array) => Uint8Array.of(...answer.subarray(0, -2), 0, 0x91, 0x00);
    const changes = [
      { reason: 'truncated', change: (answer: Uint8Array) => cutTo(answer, answer.length - 3) },
      { reason: 'truncated', change: (answer: Uint8Array) => cutTo(answer, 0) },
      { reason: 'overlong', change: longer },
    ];
    for (const { reason, change } of changes) {
      let changed = 0;
      for (let command = first; command <= last; command++) {
        let isChanged = false;
        const { end } = tapWith(name, (answer, at) => {
          if (at !== command || answer.length === 2) return answer;
          isChanged = true;
          return change(answer);
        });
        if (!isChanged) continue;
        changed += 1;
        assert.equal(why(end.fault), reason, `command ${command}`);
      }
      assert.equal(changed, 5);
    }
  });

  test(`${name}: an earlier answer of this session, and one of another`, () => {
    const heard: Uint8Array[] = [];
    const { end } = tapWith(name, (answer, at) => {
      heard[at] = answer;
      // WriteRecord answered as Debit was: both are a MAC alone.
      return at === last - 1 ? heard[6]! : answer;
    });
    assert.equal(why(end.fault), 'replayed');
    const again = tapWith(name, (answer, at) => (at === 4 ? heard[4]! : answer));
    // The same card, key and randoms in this kit: the very session, and no forgery.
    assert.equal(again.end.fault, null);
    const other = new DesfireKit(name);
    const card = other.card();
    other.tap(card, 0, other.record(3, 1));
    other.open(card);
    const late = other.tap(card, 300, other.record(4, 2), {
      tamper: (answer, at) => (at === 4 ? heard[4]! : answer),
    });
    assert.equal(why(late.fault), 'macInvalid');
  });

  test(`${name}: a card that does not know the key`, () => {
    for (let bit = 32; bit < 128; bit += 5) {
      const { end, card } = tapWith(name, (answer, at) => (at === 3 ? flip(answer, bit) : answer));
      assert.equal(why(end.fault), 'notAuthentic');
      assert.equal(card.state.debitedMinor, 0);
    }
    const short = tapWith(name, (answer, at) => (at === 3 ? cutTo(answer, 15) : answer));
    assert.equal(why(short.end.fault), 'notAuthentic');
    const replayed = new Map<number, Uint8Array>();
    tapWith(name, (answer, at) => {
      replayed.set(at, answer);
      return answer;
    });
    // An old recording of a whole authentication, against another RndA.
    const kit = new DesfireKit(name);
    const victim = kit.card();
    kit.open(victim);
    kit.open(victim);
    const end2 = kit.tap(victim, 300, kit.record(4, 2), {
      tamper: (answer, at) => (at === 2 || at === 3 ? replayed.get(at)! : answer),
    });
    assert(end2.fault);
    assert.equal(victim.state.debitedMinor, 0);
  });
}

test('a commit refused with a status: void where nothing was done, open where it may have been', () => {
  const statuses = [
    ...[0x0c, 0x1c, 0x1e, 0x7e, 0x9d, 0x9e, 0xae].map((status) => ({ status, isVoid: true })),
    ...[0xee, 0xca, 0xc1, 0xa1, 0xf1, 0x0e, 0x55].map((status) => ({ status, isVoid: false })),
  ];
  for (const { status, isVoid } of statuses) {
    const kit = new DesfireKit('desfire-ev2');
    const card = kit.card();
    card.failNext(0xc7, status);
    const end = kit.tap(card, 300, kit.record(4, 2));
    assert(end.fault?.fault === 'status');
    assert.equal(end.fault.sw, 0x9100 | status);
    assert.equal(!end.pending, isVoid, status.toString(16));
    assert.equal(card.state.debitedMinor, 0);
  }
});
