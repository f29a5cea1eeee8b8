/** The module encoder, by modules the host must accept and run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeModule, FunctionCode, webAssembly } from '../../../engine/crypto/bitslice/wasm.ts';

const host = webAssembly!;

function run(code: FunctionCode, ...args: number[]): DataView {
  const bytes = encodeModule({
    memoryPages: 3,
    functions: [new FunctionCode([]), code],
    exports: new Map([['run', 1]]),
  });
  assert(host.validate(bytes));
  const { exports } = new host.Instance(new host.Module(bytes));
  const memory = new DataView((exports.memory as { buffer: ArrayBuffer }).buffer);
  for (let i = 0; i < 64; i++) memory.setUint8(i, i);
  (exports.run as (...numbers: number[]) => void)(...args);
  return memory;
}

test('numbers of every length come out as they went in', () => {
  for (const value of [0, 1, 63, 64, 127, 128, 8191, 8192, 65535, 131_000]) {
    const code = new FunctionCode(['i32']);
    code.i32(value);
    code.splat(value & 255);
    code.at('v128.store', 0);
    code.i32(0);
    code.splat(1);
    code.at('v128.store', 65_000);
    const memory = run(code, 0);
    assert.equal(memory.getUint8(value + 15), value & 255);
    assert.equal(memory.getUint8(65_015), 1);
  }
});

test('negative numbers and a loop that counts up to zero', () => {
  for (const start of [-1, -64, -65, -8192, -8193, -1_000_000]) {
    const code = new FunctionCode([]);
    const counter = code.local('i32');
    code.i32(start);
    code.set(counter);
    code.repeat(() => {
      code.get(counter);
      code.i32(-start);
      code.do('i32.add');
      code.set(counter);
      code.i32(32);
      code.splat(7);
      code.at('v128.store', 0);
      code.get(counter);
      code.i32(0);
      code.do('i32.ne');
    });
    assert.equal(run(code).getUint8(47), 7);
  }
});

test('shuffles and lanes pick bytes, and a condition is a condition', () => {
  const code = new FunctionCode(['i32']);
  code.get(0);
  code.when(() => {
    code.i32(100);
    code.i32(0);
    code.i32(0);
    code.at('v128.load', 0);
    code.i32(0);
    code.at('v128.load', 16);
    code.shuffle([31, 0, 16, 15, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    code.at('v128.load8_lane', 40, 15);
    code.at('v128.store', 0);
  });
  const taken = run(code, 1);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 15].map((i) => taken.getUint8(100 + i)),
    [31, 0, 16, 15, 1, 40],
  );
  assert.equal(run(code, 0).getUint8(100), 0);
});
