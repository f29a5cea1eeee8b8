/** PN532 frames: published traces, the chip's fixed frames, and whatever else a line may carry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import {
  PN532_ACK,
  PN532_NACK,
  type Pn532Frame,
  Pn532Scanner,
  pn532Frame,
} from '../../../gate/reader/pn532-frame.ts';
import { noShared, vectors } from '../../shared.ts';

interface FrameVector {
  readonly id: string;
  readonly inputs: { readonly tfiAndData?: string; readonly tfiAndDataLen?: number };
  readonly expected: { readonly frame?: string; readonly header?: string };
}

/** Begins as the chip's answers do. */
const anyPayload = fc
  .uint8Array({ minLength: 1, maxLength: 264 })
  .map((bytes) => Uint8Array.of(0xd5, ...bytes));

function scan(...chunks: Uint8Array[]): Pn532Frame[] {
  const scanner = new Pn532Scanner();
  const frames: Pn532Frame[] = [];
  for (const chunk of chunks) {
    scanner.push(chunk);
    for (let frame = scanner.next(); frame; frame = scanner.next()) frames.push(frame);
  }
  return frames;
}

/** Every payload in what was scanned, in hexadecimal. */
function payloads(frames: readonly Pn532Frame[]): string[] {
  return frames.flatMap((frame) => (frame.kind === 'payload' ? [toHex(frame.payload)] : []));
}

test('published frames are made and read as they stand', { skip: noShared }, () => {
  for (const { id, inputs, expected } of vectors<FrameVector>('pn532')) {
    if (inputs.tfiAndData === undefined || expected.frame === undefined) continue;
    const payload = fromHex(inputs.tfiAndData);
    assert.equal(toHex(pn532Frame(payload)), expected.frame, id);
    assert.deepEqual(scan(fromHex(expected.frame)), [{ kind: 'payload', payload }], id);
  }
});

test('over 255 bytes the extended form is used', { skip: noShared }, () => {
  const [vector] = vectors<FrameVector>('pn532').filter((each) => each.inputs.tfiAndDataLen);
  const length = vector!.inputs.tfiAndDataLen!;
  const frame = toHex(pn532Frame(new Uint8Array(length).fill(0xd4)));
  assert(frame.startsWith(vector!.expected.header!));
  assert.equal(frame.length, 2 * (8 + length + 2));
  assert(toHex(pn532Frame(new Uint8Array(255))).startsWith('0000FFFF01'));
  assert(toHex(pn532Frame(new Uint8Array(256))).startsWith('0000FFFFFF0100FF'));
});

test('acknowledgements and the error frame are told apart', () => {
  assert.equal(toHex(PN532_ACK), '0000FF00FF00');
  assert.equal(toHex(PN532_NACK), '0000FFFF0000');
  const bytes = Buffer.concat([PN532_ACK, PN532_NACK, fromHex('0000FF01FF7F8100')]);
  assert.deepEqual(
    scan(bytes).map((frame) => frame.kind),
    ['ack', 'nack', 'error'],
  );
});

test('a frame cut anywhere is put together', () => {
  const property = fc.property(
    anyPayload,
    fc.array(fc.nat(300), { maxLength: 6 }),
    (bytes, cuts) => {
      const whole = Buffer.concat([PN532_ACK, pn532Frame(bytes), pn532Frame(bytes)]);
      const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)), whole.length];
      at.sort((a, b) => a - b);
      const chunks = at.slice(1).map((end, i) => new Uint8Array(whole.subarray(at[i]!, end)));
      const frames = scan(...chunks);
      assert.equal(frames[0]?.kind, 'ack');
      assert.deepEqual(payloads(frames.slice(1)), [toHex(bytes), toHex(bytes)]);
    },
  );
  fc.assert(property);
});

test('one changed byte never gives a payload that was not sent', () => {
  const place = fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 255 }));
  const property = fc.property(anyPayload, place, (bytes, [at, change]) => {
    const frame = pn532Frame(bytes);
    frame[at % frame.length]! ^= change;
    for (const payload of payloads(scan(frame))) {
      const inside = payload.length < 2 * bytes.length;
      assert(payload === toHex(bytes) || inside, 'a frame inside the damaged one at most');
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test('after any noise without a start code the next frame is found', () => {
  const noise = fc.uint8Array({ maxLength: 64 }).map((bytes) => bytes.map((b) => b & 0x7f));
  const property = fc.property(noise, anyPayload, (before, bytes) => {
    assert.deepEqual(payloads(scan(before, pn532Frame(bytes))), [toHex(bytes)]);
  });
  fc.assert(property);
});

test('wrong checksums and lengths are told and skipped', () => {
  const next = pn532Frame(fromHex('D50307'));
  for (const [bytes, why] of [
    ['0000FF03FCD5030700', 'length checksum'],
    ['0000FF03FDD503070000', 'data checksum'],
    ['0000FFFFFF010AF4', 'length checksum'],
    ['0000FFFFFF010AF5', 'length 266'],
    ['0000FFFFFF000000', 'length 0'],
  ] as const) {
    const frames = scan(fromHex(bytes), next);
    assert.deepEqual(frames[0], { kind: 'broken', why }, bytes);
    assert.deepEqual(payloads(frames), ['D50307'], bytes);
  }
});
