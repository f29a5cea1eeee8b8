/** Manifests: canonical, signed, bounded; and not a byte of one may be changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signer } from '../../engine/denylist/signing.ts';
import { FaregateError } from '../../engine/errors.ts';
import {
  FARE_VERSIONS_MAX,
  MANIFEST_BYTES_MAX,
  MANIFEST_GATES_MAX,
  PARAMETER_ITEM_BYTES_MAX,
  PARAMETER_ITEMS_MAX,
  PARAMETERS_VERSION_MAX,
} from '../../engine/limits.ts';
import {
  decodeManifest,
  encodeManifest,
  faultOf,
  type Manifest,
  type ParameterItem,
} from '../../engine/parameters/manifest.ts';
import { operator, stranger } from '../kit/denylist-kit.ts';
import { verify } from '../kit/parameters-kit.ts';

const sign = signer(operator.privateKey);
const item = (other: Partial<ParameterItem> = {}): ParameterItem => ({
  kind: 'fares',
  name: 'v1',
  version: 1,
  bytes: 100,
  sha256: 'ab'.repeat(32),
  ...other,
});
const manifest = (other: Partial<Manifest> = {}): Manifest => ({
  version: 7,
  effectiveMs: 1_790_000_000_000,
  issuedMs: 1_789_000_000_000,
  restores: null,
  gates: ['G01', 'G02'],
  items: [item(), item({ kind: 'mode', name: 'mode' })],
  ...other,
});

test('a manifest comes back as it was signed', () => {
  for (const one of [manifest(), manifest({ gates: [], items: [], restores: 6 })]) {
    assert.deepEqual(decodeManifest(encodeManifest(one, sign), verify, 'set'), one);
  }
});

test('no byte may be changed, none taken away or added', () => {
  const bytes = encodeManifest(manifest(), sign);
  const refused = (changed: Uint8Array, what: string) =>
    assert.throws(
      () => decodeManifest(changed, verify, 'set-7'),
      (error) => error instanceof FaregateError && error.code === 'PARAMETERS_REFUSED',
      what,
    );
  for (let i = 0; i < bytes.length; i++) {
    for (const bit of [1, 0x80]) {
      refused(
        bytes.map((byte, at) => (at === i ? byte ^ bit : byte)),
        `byte ${i}`,
      );
    }
    refused(bytes.slice(0, i), `cut at ${i}`);
  }
  refused(Uint8Array.of(...bytes, 0), 'longer');
  refused(new Uint8Array(MANIFEST_BYTES_MAX + 1), 'too long');
  refused(encodeManifest(manifest(), signer(stranger.privateKey)), 'another key');
});

test('what is signed must be sound and written in the one form', () => {
  const body = (text: string): Uint8Array => {
    const json = Buffer.from(text);
    const head = Buffer.from(encodeManifest(manifest(), sign).subarray(0, 8));
    head.writeUIntBE(json.length, 5, 3);
    const signed = new Uint8Array(Buffer.concat([head, json]));
    return new Uint8Array(Buffer.concat([signed, sign(signed)]));
  };
  const text = JSON.stringify(manifest());
  assert.equal(decodeManifest(body(text), verify, 's').version, 7);
  const cases: [string, RegExp][] = [
    [text.replace(',"effectiveMs"', ', "effectiveMs"'), /not written as sets are/],
    [text.replace('{"version":7', '{"version":6,"version":7'), /not written as sets are/],
    [text.replace('"version":7', '"version":0'), /field \/version must be >= 1/],
    [text.replace('"version":7', `"version":${PARAMETERS_VERSION_MAX + 1}`), /field \/version/],
    [text.replace('"G01","G02"', '"G02","G01"'), /field \/gates\/1 is out of order/],
    [text.replace('"G01","G02"', '"G01","G01"'), /field \/gates\/1 is out of order/],
    [text.replace('"restores":null', '"restores":7'), /restores 7, which is no older set/],
    [text.replace('"kind":"mode"', '"kind":"moods"'), /field \/items\/1\/kind/],
    [text.replace('"bytes":100', '"bytes":-1'), /field \/items\/0\/bytes/],
    [text.replace('"name":"mode"', '"name":"../x"'), /field \/items\/1\/name/],
    [text.replace('{', '{"colour":1,'), /colour/],
    ['[', /not JSON/],
  ];
  for (const [changed, says] of cases) {
    assert.throws(() => decodeManifest(body(changed), verify, 's'), says, changed);
  }
});

test('bounds hold together: the largest manifest fits, one more item or gate does not', () => {
  const gates = Array.from(
    { length: MANIFEST_GATES_MAX },
    (_, i) => `G${String(i).padStart(11, '0')}`,
  );
  const deltas = Array.from({ length: PARAMETER_ITEMS_MAX - 1 }, (_, i) =>
    item({ kind: 'denylistDelta', name: `delta-${i}-${'9'.repeat(40)}`, version: 2 ** 48 - 1 }),
  );
  const full = manifest({ gates, items: [item({ kind: 'denylist' }), ...deltas] });
  assert(encodeManifest(full, sign).length <= MANIFEST_BYTES_MAX);
  const kinds: [ParameterItem[], RegExp][] = [
    [[item(), item()], /item 1 \(fares v1\) is there twice/],
    [[item({ kind: 'denylistDelta' })], /deltas without a full list/],
    [[item({ kind: 'keys', bytes: 65_537 })], /65536 may be/],
    [
      Array.from({ length: FARE_VERSIONS_MAX + 1 }, (_, i) => item({ name: `v${i}` })),
      /item 8 \(fares v8\) is one of its kind too many/,
    ],
    [
      Array.from({ length: 4 }, (_, i) => item({ name: `v${i}`, bytes: PARAMETER_ITEM_BYTES_MAX })),
      /items of \d+ bytes are over the bound/,
    ],
  ];
  for (const [items, says] of kinds) assert.match(faultOf(manifest({ items })) ?? '', says);
});
