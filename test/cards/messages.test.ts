/** Requests of load machines: what is none is refused by name, whatever the bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseStatement } from '../../engine/cards/bank.ts';
import { decodeRequest, encodeMessage, type LoadRequest } from '../../engine/cards/messages.ts';
import { FaregateError } from '../../engine/errors.ts';
import { LOAD_MESSAGE_BYTES_MAX } from '../../engine/limits.ts';

const card = { profile: 'tunion', publicFile: '00'.repeat(30) };
const requests: readonly LoadRequest[] = [
  { op: 'begin', ...card, orderId: null, terminalId: '000000000001' },
  { op: 'begin', ...card, orderId: 'o-1', terminalId: '000000000001' },
  { op: 'present', ...card, visit: 3, init: '0A'.repeat(16) },
  { op: 'confirm', ...card, orderId: 'o-1', visit: 3, tac: '01020304' },
  { op: 'unknown', orderId: 'o-1', visit: 3 },
];

function refusedWith(bytes: Uint8Array): string {
  try {
    decodeRequest(bytes);
    return 'taken';
  } catch (error) {
    assert(error instanceof FaregateError, String(error));
    return error.code;
  }
}

test('each request comes through as it is, and with nothing more or less', () => {
  for (const request of requests) {
    assert.deepEqual(decodeRequest(encodeMessage(request)), request);
    for (const name of Object.keys(request)) {
      const { [name as 'op']: _, ...less } = request;
      assert.equal(refusedWith(encodeMessage(less as LoadRequest)), 'UPLOAD_MALFORMED', name);
    }
    const more = Object.assign({ more: 1 }, request);
    assert.equal(refusedWith(encodeMessage(more)), 'UPLOAD_MALFORMED');
  }
});

test('any bytes and any JSON end in a request or a code', () => {
  const codes = ['taken', 'UPLOAD_MALFORMED'];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => codes.includes(refusedWith(bytes))),
  );
  const values = fc.oneof(fc.constantFrom(...requests.flatMap(Object.values)), fc.jsonValue());
  const names = fc.constantFrom('op', 'profile', 'publicFile', 'orderId', 'visit', 'init', 'tac');
  fc.assert(
    fc.property(fc.constantFrom(...requests), names, values, (request, name, value) =>
      codes.includes(refusedWith(encodeMessage({ ...request, [name]: value } as LoadRequest))),
    ),
  );
  assert.equal(refusedWith(new Uint8Array(LOAD_MESSAGE_BYTES_MAX + 1)), 'UPLOAD_TOO_LARGE');
});

test("a bank's statement is read line by line; a bad line is named", () => {
  const text = 'order,amount,reference\r\n# March\n\no-1,5000,B 1\no-2,1,x\n';
  assert.deepEqual(parseStatement(text, 'bank.csv'), [
    { orderId: 'o-1', amountMinor: 5000, reference: 'B 1' },
    { orderId: 'o-2', amountMinor: 1, reference: 'x' },
  ]);
  for (const line of ['o-1,5000', 'o 1,5000,B', 'o-1,-5,B', 'o-1,5.00,B', 'o-1,5,B,C', 'o-1,5,']) {
    assert.throws(() => parseStatement(`\n${line}\n`, 'bank.csv'), {
      code: 'CONFIG_INVALID',
      message: /^bank.csv:2: /,
    });
  }
});
