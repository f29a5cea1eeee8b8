/** Lines of a barrier's own counter, as a gate maker's program may write them. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { PASSAGE_LINE_BYTES_MAX } from '../../engine/limits.ts';
import { silentLog } from '../../engine/log/log.ts';
import { readPassages } from '../../gate/barrier/passages.ts';

function heard() {
  const input = new PassThrough();
  const people = new Map([['A', 0]]);
  const warned: string[] = [];
  const stop = readPassages(
    input,
    (gate, more) => {
      if (!people.has(gate)) return false;
      people.set(gate, people.get(gate)! + more);
      return true;
    },
    { ...silentLog, warn: (_fields: object, text: string) => void warned.push(text) },
  );
  return { input, people, warned, stop };
}

test('people are counted by gate, however the lines are cut', async () => {
  const { input, people, warned, stop } = heard();
  for (const piece of ['{"gate":"A","pas', 'sed":3}\n\n{"gate":"A","passed":1}\r\n{"gate"']) {
    input.write(piece);
  }
  input.write(':"A","passed":2}\n');
  await new Promise(setImmediate);
  assert.equal(people.get('A'), 6);
  stop();
  input.write('{"gate":"A","passed":2}\n');
  await new Promise(setImmediate);
  assert.deepEqual([people.get('A'), warned], [6, []]);
});

test('what is no such line is told and changes nothing', async () => {
  const { input, people, warned } = heard();
  const wrong: readonly [line: string, says: RegExp][] = [
    ['open', /not JSON/],
    ['null', /field gate/],
    ['{"gate":7,"passed":1}', /field gate/],
    ['{"gate":"A"}', /field passed/],
    ['{"gate":"A","passed":0}', /field passed/],
    ['{"gate":"A","passed":1.5}', /field passed/],
    ['{"gate":"A","passed":100001}', /field passed .* 100000/],
    ['{"gate":"B","passed":1}', /no gate "B" here/],
    [`{"gate":"A","passed":1${' '.repeat(PASSAGE_LINE_BYTES_MAX)}`, /longer than a line can be/],
  ];
  for (const [line] of wrong) {
    input.write(line);
    await new Promise(setImmediate);
    input.write('\n');
  }
  await new Promise(setImmediate);
  assert.equal(warned.length, wrong.length);
  for (const [index, [, says]] of wrong.entries()) assert.match(warned[index]!, says);
  assert.equal(people.get('A'), 0);
  input.write('{"gate":"A","passed":1}\n');
  input.destroy(new Error('the pipe broke'));
  await new Promise(setImmediate);
  assert.match(warned.at(-1)!, /the pipe broke/);
});
