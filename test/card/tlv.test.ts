/** BER-TLV against trees we encode ourselves, and against bytes that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { findTag, findTlv, parseTlv, type TlvObject } from '../../engine/card/tlv.ts';
import { TLV_DEPTH_MAX, TLV_OBJECTS_MAX } from '../../engine/card-limits.ts';

function parsed(bytes: Uint8Array): readonly TlvObject[] {
  const result = parseTlv(bytes);
  assert('objects' in result, JSON.stringify(result));
  return result.objects;
}

function problem(hex: string): string {
  const result = parseTlv(fromHex(hex));
  assert('problem' in result, 'parsed');
  return `${result.at}: ${result.problem}`;
}

const FCI =
  '6F318408A000000632010105A5259F0801029F0C1E01011000FFFFFFFF02010310517001017000000020190806204012310000';

test('finds objects by path and by tag in a real FCI', () => {
  const bytes = fromHex(FCI);
  const objects = parsed(bytes);
  const value = (object: TlvObject | null) =>
    object && toHex(bytes.subarray(object.at, object.at + object.length));
  assert.equal(value(findTlv(objects, 0x6f, 0x84)), 'A000000632010105');
  assert.equal(value(findTlv(objects, 0x6f, 0xa5, 0x9f08)), '02');
  assert.equal(findTlv(objects, 0x6f, 0xa5, 0x9f0c)?.length, 30);
  assert.equal(findTag(objects, 0x9f0c)?.at, 21);
  assert.equal(findTlv(objects, 0x6f, 0x9f0c), null, 'not a child of 6F');
  assert.equal(findTlv(objects, 0x9f0c), null, 'not at the top');
  assert.equal(findTag(objects, 0x9f0d), null);
});

test('a path is followed into the sibling that has it', () => {
  const objects = parsed(fromHex('61054F03AAAAAA6106500102870101'));
  assert.equal(findTlv(objects, 0x61, 0x87)?.length, 1);
  assert.equal(findTlv(objects, 0x61, 0x50)?.length, 1);
});

test('zero bytes between objects are padding', () => {
  const objects = parsed(fromHex('0000500101000051010200'));
  assert.deepEqual(
    objects.map(({ tag }) => tag),
    [0x50, 0x51],
  );
});

test('says what is wrong and where', () => {
  assert.equal(problem('9F'), '0: cut off in a tag');
  assert.equal(problem('50'), '0: cut off before a length');
  assert.equal(problem('5001005082'), '3: cut off in a length');
  assert.equal(problem('500102500502'), '3: a value of 5 bytes where 1 are left');
  assert.equal(problem('5080'), '0: a length of form 80');
  assert.equal(problem('508400000001AA'), '0: a length of form 84');
  assert.equal(problem('9F8182838401AA'), '0: a tag of more than 4 bytes');
  assert.equal(problem('61035002AABB'), '2: a value of 2 bytes where 1 are left');
});

test('depth and number of objects are bounded', () => {
  const nested = (depth: number): string => {
    let hex = '500101';
    for (let i = 1; i < depth; i++)
      hex = `61${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`;
    return hex;
  };
  assert.equal(parsed(fromHex(nested(TLV_DEPTH_MAX))).length, TLV_DEPTH_MAX);
  assert.match(problem(nested(TLV_DEPTH_MAX + 1)), /nested deeper/);
  assert.equal(parsed(fromHex('5000'.repeat(TLV_OBJECTS_MAX))).length, TLV_OBJECTS_MAX);
  assert.match(problem('5000'.repeat(TLV_OBJECTS_MAX + 1)), /more than 64 objects/);
});

interface Node {
  readonly tag: number;
  readonly value: Uint8Array | readonly Node[];
  /** Length bytes after 8x; 0 for the short form where it fits. */
  readonly longForm: number;
}

const leaf = (): fc.Arbitrary<Node> =>
  fc.record({
    tag: fc.constantFrom(0x50, 0x84, 0x9f08, 0x9f0c, 0xdf8129),
    value: fc.uint8Array({ maxLength: 40 }),
    longForm: fc.integer({ min: 0, max: 3 }),
  });

const tree = (depth: number): fc.Arbitrary<Node> =>
  depth === 1
    ? leaf()
    : fc.oneof(
        leaf(),
        fc.record({
          tag: fc.constantFrom(0x6f, 0xa5, 0xbf0c),
          value: fc.array(tree(depth - 1), { maxLength: 4 }),
          longForm: fc.integer({ min: 0, max: 3 }),
        }),
      );

function encode(node: Node): number[] {
  const value =
    node.value instanceof Uint8Array ? [...node.value] : node.value.flatMap((n) => encode(n));
  const tag = fromHex(node.tag.toString(16).padStart(node.tag > 0xffff ? 6 : 2, '0'));
  return [...tag, ...encodeLength(value.length, node.longForm), ...value];
}

function encodeLength(length: number, longForm: number): number[] {
  const needed = length > 0xffff ? 3 : length > 0xff ? 2 : length > 0x7f ? 1 : 0;
  const count = Math.max(needed, longForm);
  if (count === 0) return [length];
  const bytes: number[] = [];
  for (let i = count - 1; i >= 0; i--) bytes.push((length >>> (8 * i)) & 0xff);
  return [0x80 | count, ...bytes];
}

function flat(node: Node, depth: number): { tag: number; depth: number; value: string | null }[] {
  if (node.value instanceof Uint8Array) return [{ tag: node.tag, depth, value: toHex(node.value) }];
  const children = node.value.flatMap((child) => flat(child, depth + 1));
  return [{ tag: node.tag, depth, value: null }, ...children];
}

test('parses what an encoder wrote', () => {
  fc.assert(
    fc.property(fc.array(tree(3), { maxLength: 3 }), (nodes) => {
      const bytes = new Uint8Array(nodes.flatMap(encode));
      const expected = nodes.flatMap((node) => flat(node, 0));
      if (expected.length > TLV_OBJECTS_MAX) return;
      const found = parsed(bytes).map(({ tag, at, length, depth }, i) => ({
        tag,
        depth,
        value: expected[i]?.value === null ? null : toHex(bytes.subarray(at, at + length)),
      }));
      assert.deepEqual(found, expected);
    }),
  );
});

test('any bytes end in a value whose objects lie inside them', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    // One byte of a well-formed answer changed, or the answer cut.
    fc
      .tuple(fc.nat(fromHex(FCI).length - 1), fc.nat(255), fc.nat(60))
      .map(([at, byte, cut]) => fromHex(FCI).with(at, byte).subarray(0, cut)),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      const result = parseTlv(data);
      if ('problem' in result) {
        assert(result.at <= data.length);
        return;
      }
      for (const object of result.objects) assert(object.at + object.length <= data.length);
    }),
  );
});
