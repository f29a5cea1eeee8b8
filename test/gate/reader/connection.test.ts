/** A reader's connection: when it is looked for, how often, and what is said of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaregateError } from '../../../engine/errors.ts';
import { Connection } from '../../../gate/reader/connection.ts';
import type { ReaderNotice } from '../../../gate/reader/reader.ts';

class Wire {
  closed = false;

  close(): void {
    this.closed = true;
  }
}

const absent = new FaregateError('READER_FAILED', 'no such device');

/** A connection whose openings take what the list says: a wire, or why there is none. */
function over(outcomes: (Wire | Error)[]): {
  connection: Connection<Wire>;
  notices: ReaderNotice[];
  openedMs: number[];
} {
  const notices: ReaderNotice[] = [];
  const openedMs: number[] = [];
  const open = async (): Promise<Wire> => {
    openedMs.push(performance.now());
    const outcome = outcomes.shift() ?? absent;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const options = {
    pauseMsMin: 10,
    pauseMsMax: 40,
    onNotice: (n: ReaderNotice) => notices.push(n),
  };
  return { connection: new Connection(open, options), notices, openedMs };
}

test('the first opening says what is wrong', async () => {
  const { connection, notices } = over([absent]);
  await assert.rejects(connection.start(), absent);
  assert.deepEqual(notices, []);
});

test('a lost connection is closed, told once, and looked for with growing pauses', async () => {
  const [first, second] = [new Wire(), new Wire()];
  const { connection, notices, openedMs } = over([first, absent, absent, absent, second]);
  await connection.start();
  assert.equal(await connection.get(), first);
  connection.worked();
  connection.lost(first, absent);
  assert(first.closed);
  assert.equal(await connection.get(), second);
  assert.deepEqual(notices, [{ notice: 'away', why: 'no such device' }]);
  connection.worked();
  assert.deepEqual(notices.slice(1), [{ notice: 'back' }]);
  const pauses = openedMs.slice(2).map((ms, i) => ms - openedMs[i + 1]!);
  // Timers may be early by a fraction of a millisecond, and late by anything.
  assert(pauses[0]! >= 19 && pauses[1]! >= 39 && pauses[2]! >= 39, `${pauses}`);
});

test('one that opens and is of no use is not taken for found', async () => {
  const wires = [new Wire(), new Wire(), new Wire()];
  const { connection, notices } = over([...wires]);
  await connection.start();
  for (const wire of wires) {
    assert.equal(await connection.get(), wire);
    connection.lost(wire, absent);
  }
  assert.deepEqual(
    notices.map((each) => each.notice),
    ['away'],
  );
});

test('closing ends every wait, and hands the connection over', async () => {
  const wire = new Wire();
  const { connection } = over([wire]);
  await connection.start();
  const paused = connection.pause(60_000);
  assert.equal(connection.close(), wire);
  await paused;
  await connection.pause(60_000);
  assert.equal(await connection.get(), null);
  assert(!wire.closed);
});

test('an opening that ends after closing is closed', async () => {
  const late = new Wire();
  let opened: ((wire: Wire) => void) | undefined;
  const opening = () =>
    new Promise<Wire>((resolve) => {
      opened = resolve;
    });
  const connection = new Connection(opening, {});
  const next = connection.get();
  connection.close();
  opened?.(late);
  assert.equal(await next, null);
  assert(late.closed);
});

test('what is no failure of the reader is thrown on', async () => {
  const wire = new Wire();
  const { connection } = over([wire]);
  await connection.start();
  assert.throws(() => connection.lost(wire, new TypeError('ours')), { message: 'ours' });
});
