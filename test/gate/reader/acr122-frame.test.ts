/** ACR122 frames: the manuals' examples, status frames, and whatever else a line may carry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import {
  ACR122_NAK,
  type Acr122Frame,
  Acr122Scanner,
  acr122Frame,
  MessageType,
} from '../../../gate/reader/acr122-frame.ts';
import { noShared, vectors } from '../../shared.ts';

interface FrameVector {
  readonly id: string;
  readonly inputs: { readonly seq: number; readonly apdu?: string };
  readonly expected: { readonly frame: string };
}

/** Answers of the ACR122L manual 1.03, pages 15 and 42, whose checksum is filled in by its rule. */
const answers = [
  { sequence: 3, outcome: 0, data: 'E351B0FC88AA2D189000', header: '800A000000000300 0000' },
  {
    sequence: 1,
    outcome: 0,
    data: 'D54100628999EDC057692B90009000',
    header: '800F000000000101 0000',
  },
] as const;

function answerBytes(header: string, data: string): Uint8Array {
  const body = fromHex(header.replaceAll(' ', '') + data);
  const check = body.reduce((xor, byte) => xor ^ byte, 0);
  return Uint8Array.of(0x02, ...body, check, 0x03);
}

function scan(...chunks: Uint8Array[]): Acr122Frame[] {
  const scanner = new Acr122Scanner();
  const frames: Acr122Frame[] = [];
  for (const chunk of chunks) {
    scanner.push(chunk);
    for (let frame = scanner.next(); frame; frame = scanner.next()) frames.push(frame);
  }
  return frames;
}

test('published commands are made as they stand', { skip: noShared }, () => {
  for (const { id, inputs, expected } of vectors<FrameVector>('acr122s-serial')) {
    const { seq, apdu } = inputs;
    const frame =
      apdu === undefined
        ? acr122Frame(MessageType.powerOn, seq, new Uint8Array(0), 1)
        : acr122Frame(MessageType.transfer, seq, fromHex(apdu));
    assert.equal(toHex(frame), expected.frame, id);
  }
  assert.equal(toHex(ACR122_NAK), '02000000000000000000000003');
});

test('published answers are read, whole and byte by byte', () => {
  for (const { sequence, outcome, data, header } of answers) {
    const bytes = answerBytes(header, data);
    const expected = { kind: 'message', sequence, outcome, data: fromHex(data) };
    assert.deepEqual(scan(bytes), [expected]);
    assert.deepEqual(scan(...[...bytes].map((byte) => Uint8Array.of(byte))), [expected]);
  }
});

test('status frames are told apart', () => {
  const bytes = fromHex('0200000302FFFF0302FEFE0302FDFD0302FCFC03');
  assert.deepEqual(
    scan(bytes).map((frame) => frame.kind === 'status' && frame.status),
    [0x00, 0xff, 0xfe, 0xfd, 0xfc],
  );
});

test('wrong checksum, length and ends are told, and the frame after them is found', () => {
  const good = answerBytes(answers[0].header, answers[0].data);
  const cases: [string, (bytes: Uint8Array) => void][] = [
    ['checksum', (bytes) => void (bytes[12]! ^= 1)],
    ['no ETX', (bytes) => void (bytes[bytes.length - 1] = 4)],
    ['length', (bytes) => void (bytes[3] = 2)],
    ['length', (bytes) => void (bytes[5] = 1)],
    ['neither status nor message', (bytes) => void (bytes[1] = 0x7f)],
  ];
  for (const [why, spoil] of cases) {
    const bad = new Uint8Array(good);
    spoil(bad);
    const frames = scan(bad, good);
    assert.deepEqual(frames[0], { kind: 'broken', why });
    const last = frames.at(-1);
    assert(last?.kind === 'message' && toHex(last.data) === answers[0].data, why);
  }
});

test('any bytes are taken without an error, and what they hold is bounded', () => {
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
    (chunks) => {
      for (const frame of scan(...chunks)) {
        if (frame.kind === 'message') assert(frame.data.length <= 267);
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});
