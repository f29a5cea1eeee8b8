/** Where a text stops being JSON: places known by hand; the parser judges all others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FaregateError } from '../engine/errors.ts';
import { jsonFault, parseJson } from '../engine/json-fault.ts';

test('the place and what was expected there are named', () => {
  for (const [text, fault] of [
    ['', 'not JSON: it is empty'],
    [' \r\n\t', 'not JSON: it is empty'],
    ['{', 'not JSON at column 2: it ends where a name in double quotes or } was expected'],
    ['{"a":1,}', 'not JSON at column 8: a name in double quotes was expected'],
    ['{"a" 1}', 'not JSON at column 6: a colon was expected'],
    ['{"a":1 "b":2}', 'not JSON at column 8: a comma or } was expected'],
    ['[1 2]', 'not JSON at column 4: a comma or ] was expected'],
    ['[1,]', 'not JSON at column 4: a value was expected'],
    ['[1}', 'not JSON at column 3: a comma or ] was expected'],
    ['{a:1}', 'not JSON at column 2: a name in double quotes or } was expected'],
    ['[01]', 'not JSON at column 2: a value or ] was expected'],
    ['"x', 'not JSON at column 1: a text has no closing quote'],
    ['["\\x"]', 'not JSON at column 3: a backslash begins nothing that JSON has'],
    ['["a\tb"]', 'not JSON at column 4: a control character stands in a text'],
    ['{} x', 'not JSON at column 4: the end was expected'],
    ['{\r\n  "a": 1,\r\n  b: 2\r\n}', 'not JSON at line 3, column 3: a name in double quotes was'],
    ['{\n  "a": 1\n', 'not JSON at line 3, column 1: it ends where a comma or } was expected'],
  ] as const) {
    assert.ok(jsonFault(text)?.startsWith(fault), `${JSON.stringify(text)}: ${jsonFault(text)}`);
  }
});

/** JSON with a few characters put in, taken out or cut off. */
const nearlyJson = fc
  .tuple(
    fc.json(),
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]",:\\ue+-.019 \n\u0001tnx')), {
      maxLength: 3,
    }),
    fc.boolean(),
  )
  .map(([json, edits, isSpaced]) => {
    let text = isSpaced ? JSON.stringify(JSON.parse(json), null, 1) : json;
    for (const [place, removed, added] of edits) {
      const at = place % (text.length + 1);
      text = text.slice(0, at) + added + text.slice(at + removed);
    }
    return text;
  });

test('a fault is found where the parser finds one, and in no other text', () => {
  let faults = 0;
  const seed = 20261130;
  fc.assert(
    fc.property(nearlyJson, (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
        faults += 1;
      }
      assert.equal(jsonFault(text) === null, isJson, JSON.stringify(text));
    }),
    { seed, numRuns: 5000 },
  );
  assert.ok(faults > 500 && faults < 4900, `${faults} of 5000 are faults, seed ${seed}`);
});

test('a byte-order mark is passed over; a fault names the file and quotes nothing of it', () => {
  assert.deepEqual(parseJson('\ufeff{"a":1}', 'CONFIG_INVALID', 'f'), { a: 1 });
  assert.throws(
    () => parseJson('{"master": 11223344556677', 'KEYS_INVALID', 'k.json'),
    (error) =>
      error instanceof FaregateError &&
      error.code === 'KEYS_INVALID' &&
      error.message === 'k.json: not JSON at column 26: it ends where a comma or } was expected' &&
      error.cause === undefined,
  );
});

test('a text as deep and as long as a file may be is looked through', () => {
  const deep = '['.repeat(100_000);
  assert.match(jsonFault(deep)!, /column 100001: it ends where a value or \] was expected$/);
  assert.match(jsonFault(`"${'x'.repeat(1_000_000)}" 1`)!, /column 1000004: the end was expected$/);
});
