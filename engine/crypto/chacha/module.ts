/** ChaCha20-Poly1305 (RFC 8439, 2.8) as a WebAssembly module that is put together here. */
import { encodeModule, FunctionCode } from '../bitslice/wasm.ts';
import { MESSAGE, TAG } from './layout.ts';
import { mac } from './poly1305.ts';
import { mix, stream, takeKey } from './stream.ts';

/**
 * The module's bytes. It exports `seal(text, length, end)`, which enciphers in place what stands at
 * `text` of a message laid out up to `end`, and puts the tag behind it; and `open`, the reverse,
 * which leaves at TAG what the tag should be.
 */
export function buildChachaModule(): Uint8Array<ArrayBuffer> {
  const functions = [stream(), takeKey(0), mix(0), mac()];
  const seal = new FunctionCode(['i32', 'i32', 'i32']);
  seal.call(1);
  seal.get(0);
  seal.get(1);
  seal.call(2);
  seal.i32(MESSAGE);
  seal.get(2);
  // The tag follows the text at once, over padding and lengths.
  seal.get(0);
  seal.get(1);
  seal.do('i32.add');
  seal.call(3);
  const open = new FunctionCode(['i32', 'i32', 'i32']);
  open.call(1);
  open.i32(MESSAGE);
  open.get(2);
  open.i32(TAG);
  open.call(3);
  open.get(0);
  open.get(1);
  open.call(2);
  const exports = new Map([
    ['seal', 4],
    ['open', 5],
  ]);
  return encodeModule({ memoryPages: 1, functions: [...functions, seal, open], exports });
}
