/** The debit record's layout: what was in force, and records of the layout before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at, decodeDebit, encodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, NOTHING_IN_FORCE } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { debitOf } from '../gate/uplink/fakes.ts';

const inForces = fc.record({
  mode: fc.nat(0xffff),
  denylistVersion: fc.nat(0xffff_ffff),
  clockQuality: fc.nat(0xff),
  parametersVersion: fc.nat(0xff_ffff),
});

test('what was in force comes back as it was written, and touches nothing else', () => {
  fc.assert(
    fc.property(inForces, (inForce) => {
      const bytes = new Uint8Array(DEBIT_BYTES);
      encodeDebit({ ...debitOf('G1', 7), ...inForce }, bytes, 0);
      const { mode, denylistVersion, clockQuality, parametersVersion, ...rest } = decodeDebit(
        bytes,
        0,
      );
      assert.deepEqual({ mode, denylistVersion, clockQuality, parametersVersion }, { ...inForce });
      const plain = new Uint8Array(DEBIT_BYTES);
      encodeDebit(debitOf('G1', 7), plain, 0);
      assert.deepEqual({ ...rest, ...NOTHING_IN_FORCE }, decodeDebit(plain, 0));
      assert.deepEqual(bytes.subarray(0, at.mode), plain.subarray(0, at.mode));
    }),
  );
});

test('a record of layout 1 is read, with nothing in force; one of layout 3 is refused', () => {
  const bytes = new Uint8Array(DEBIT_BYTES);
  encodeDebit({ ...debitOf('G1', 7), mode: 3, denylistVersion: 9 }, bytes, 0);
  bytes[at.version] = 1;
  assert.deepEqual(decodeDebit(bytes, 0), decodeDebit(encoded({}), 0));
  bytes[at.version] = 3;
  assert.throws(
    () => decodeDebit(bytes, 0),
    (error) => error instanceof FaregateError && /field version is 3/.test(error.message),
  );
});

function encoded(fields: Parameters<typeof debitOf>[2]): Uint8Array {
  const bytes = new Uint8Array(DEBIT_BYTES);
  encodeDebit(debitOf('G1', 7, fields), bytes, 0);
  return bytes;
}
