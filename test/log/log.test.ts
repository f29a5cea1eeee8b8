/** The log: JSON lines, and no way for a card number to get into them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, type LogFields } from '../../engine/log/log.ts';

function lines(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const written: string[] = [];
  write(createLog('test', 'info', (line) => written.push(line)));
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line is an object with level, time, name, fields and message; debug is left out', () => {
  const [line, ...others] = lines((log) => {
    log.warn({ gate: 'G01', failures: 3, code: undefined }, 'refused');
    log.debug({}, 'detail');
  });
  assert.deepEqual(others, []);
  assert.equal(line?.level, 'warn');
  assert.equal(line?.name, 'test');
  assert.equal(line?.gate, 'G01');
  assert.equal(line?.failures, 3);
  assert.equal(line?.msg, 'refused');
  assert.match(String(line?.time), /^20\d\d-\d\d-\d\dT/);
});

test('card numbers do not come through, whatever way they try', () => {
  const number = '31048700000123456789';
  const smuggled = { nested: { number }, bytes: new TextEncoder().encode(number) };
  const written: string[] = [];
  const log = createLog('test', 'info', (line) => written.push(line));
  log.info({ cardNumber: number, card: number, pan: number }, 'a card');
  log.info({ note: `card ${number} left` }, `card ${number} left`);
  log.error(smuggled as unknown as LogFields, number);
  log.info({ number: `x${number}` }, 'x');
  assert.equal(written.length, 4);
  for (const line of written) assert.ok(!line.includes('31048700'), line);
  assert.match(written[1]!, /card \.\.\.6789 left/);
});
