/** A certified kernel's lines: each member is checked, and named without its value if wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMessage } from '../../../gate/reader/kernel/message.ts';
import { seeded } from '../../sim-disk.ts';

const tap = '0123456789abcdef-17';
const good = {
  hello: {
    type: 'hello',
    protocol: 1,
    session: '0123456789abcdef',
    kernel: 'SIM',
    certificate: 'T-1',
    schemes: ['qpboc'],
    apdu: true,
  },
  card: { type: 'card', tap, uid: '04A1B2C3' },
  apdu: { type: 'apdu', tap, number: 1, data: '9000' },
  outcome: {
    type: 'outcome',
    tap,
    verdict: 'approved',
    elements: '9F360200015A086228000100001117',
    authentication: 'passed',
  },
  removed: { type: 'removed', tap },
  cancelled: { type: 'cancelled', tap },
  health: { type: 'health', kernel: false, text: 'tampered' },
  error: { type: 'error', code: 'severalCards', text: '' },
  pong: { type: 'pong' },
} as const;

test('each message is read, whatever else its line has', () => {
  for (const [type, members] of Object.entries(good)) {
    const read = readMessage(JSON.stringify({ ...members, later: { deep: [1] } }));
    assert(read !== null && typeof read === 'object', `${type}: ${read}`);
    assert.equal(read.type, type);
  }
  assert.equal(readMessage('{"type":"later","tap":1}'), null, 'of a later version');
  const gone = readMessage(JSON.stringify({ ...good.apdu, data: null }));
  assert(gone && typeof gone === 'object' && gone.type === 'apdu');
  assert.equal(gone.data, null);
});

test('a member that is missing or of another form is named', () => {
  const bad: readonly unknown[] = [undefined, null, 7.5, [], {}, '\u0007', 'x'.repeat(9000)];
  for (const [type, members] of Object.entries(good)) {
    for (const member of Object.keys(members)) {
      if (member === 'type') continue;
      for (const value of bad) {
        if (type === 'apdu' && member === 'data' && value === null) continue;
        // An empty list of schemes is one.
        if (member === 'schemes' && Array.isArray(value)) continue;
        const read = readMessage(JSON.stringify({ ...members, [member]: value }));
        assert.equal(read, `member ${member} of ${type}`);
      }
    }
  }
  for (const line of ['', '{', 'null', '[]', '7', '"x"', '{"type":7}', '{}']) {
    assert.equal(typeof readMessage(line), 'string', line);
  }
  assert.equal(readMessage('{"type":"constructor"}'), null);
});

test('bounds: the longest that is read, and one more', () => {
  const elements = (bytes: number) =>
    readMessage(JSON.stringify({ ...good.outcome, elements: '00'.repeat(bytes) }));
  assert.equal(typeof elements(2048), 'object');
  assert.equal(elements(2049), 'member elements of outcome');
  const data = (bytes: number) =>
    readMessage(JSON.stringify({ ...good.apdu, data: '00'.repeat(bytes) }));
  assert.equal(typeof data(258), 'object');
  for (const bytes of [0, 1, 259]) assert.equal(data(bytes), 'member data of apdu');
  const schemes = (count: number) =>
    readMessage(JSON.stringify({ ...good.hello, schemes: Array(count).fill('x') }));
  assert.equal(typeof schemes(16), 'object');
  assert.equal(schemes(17), 'member schemes of hello');
});

test('a flipped bit gives a message or a reason without the card number', () => {
  const line = Buffer.from(JSON.stringify(good.outcome));
  let named = 0;
  for (let at = 0; at < line.length * 8; at++) {
    const flipped = Buffer.from(line);
    flipped[at >> 3]! ^= 1 << (at & 7);
    const read = readMessage(flipped.toString('utf8'));
    if (typeof read !== 'string') continue;
    named += 1;
    assert.doesNotMatch(read, /622800/);
  }
  assert(named > 100, `${named}`);
});

test('random bytes never throw', () => {
  const seed = 20261130;
  const below = seeded(seed);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(Array.from({ length: below(60) }, () => below(256)));
    const read = readMessage(bytes.toString('utf8'));
    assert(read === null || typeof read === 'string', `seed ${seed}`);
  }
});
