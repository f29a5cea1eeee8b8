/** Frames: cut right however the stream comes, and refused when they cannot be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FaregateError } from '../../engine/errors.ts';
import { FRAME_BYTES_MAX } from '../../engine/limits.ts';
import { encodeFrame, FrameDecoder } from '../../engine/wire/frame.ts';

function all(decoder: FrameDecoder): number[][] {
  const frames: number[][] = [];
  for (let body = decoder.next(); body !== null; body = decoder.next()) frames.push([...body]);
  return frames;
}

test('a frame is its length in four bytes, big-endian, and its body', () => {
  assert.deepEqual([...encodeFrame(Uint8Array.of(7, 8, 9))], [0, 0, 0, 3, 7, 8, 9]);
});

test('fed byte by byte, each frame appears with its last byte and not before', () => {
  const decoder = new FrameDecoder();
  const stream = [...encodeFrame(Uint8Array.of(1)), ...encodeFrame(Uint8Array.of(2, 3))];
  const seen = stream.map((byte) => {
    decoder.push(Uint8Array.of(byte));
    return all(decoder);
  });
  const expected = stream.map((_, i) => (i === 4 ? [[1]] : i === 10 ? [[2, 3]] : []));
  assert.deepEqual(seen, expected);
  assert.equal(decoder.partial, false);
});

test('whatever the pieces, the same frames come out', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 });
  const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(bodies, cuts, fc.boolean(), (list, sizes, eager) => {
      const stream = Buffer.concat(list.map((body) => encodeFrame(body)));
      const decoder = new FrameDecoder();
      const got: number[][] = [];
      for (let from = 0, i = 0; from < stream.length; i++) {
        const size = sizes[i % sizes.length]!;
        decoder.push(new Uint8Array(stream.subarray(from, from + size)));
        from += size;
        if (eager) got.push(...all(decoder));
      }
      got.push(...all(decoder));
      assert.deepEqual(
        got,
        list.map((body) => [...body]),
      );
    }),
  );
});

test('the largest frame passes in pieces of any size; its buffer grows with what has come', () => {
  const body = new Uint8Array(FRAME_BYTES_MAX).map((_, i) => i % 251);
  const frame = encodeFrame(body);
  for (const size of [1000, 65_536, frame.length]) {
    const decoder = new FrameDecoder();
    let got: Uint8Array | null = null;
    for (let from = 0; from < frame.length; from += size) {
      assert.equal(got, null);
      decoder.push(frame.subarray(from, from + size));
      got = decoder.next();
    }
    assert.ok(got && Buffer.compare(got, body) === 0);
  }
});

test('an oversized and an empty frame are refused, again and again', () => {
  const refused: [number[], string][] = [
    [[0, 16, 0, 1], 'UPLOAD_TOO_LARGE'],
    [[255, 255, 255, 255], 'UPLOAD_TOO_LARGE'],
    [[0, 0, 0, 0], 'UPLOAD_MALFORMED'],
  ];
  for (const [header, code] of refused) {
    const decoder = new FrameDecoder();
    decoder.push(Uint8Array.from(header));
    const isIt = (error: unknown): boolean => error instanceof FaregateError && error.code === code;
    assert.throws(() => decoder.next(), isIt);
    decoder.push(encodeFrame(Uint8Array.of(1)));
    assert.throws(() => decoder.next(), isIt);
  }
  assert.throws(() => encodeFrame(new Uint8Array(FRAME_BYTES_MAX + 1)), /1048577 bytes/);
  assert.throws(() => encodeFrame(new Uint8Array(0)), /no bytes/);
});
