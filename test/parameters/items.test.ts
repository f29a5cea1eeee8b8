/** What items hold: fares come back whole, and text items are believed only as far as they fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { packFares, unpackFares } from '../../engine/parameters/fares-item.ts';
import {
  acceptsKey,
  parseGateSettings,
  parseKeyVersions,
  parseModes,
} from '../../engine/parameters/text-items.ts';
import { Mode, NORMAL } from '../../engine/tap/modes.ts';

test('a fare version comes back as it was packed; cut, longer or changed it does not', () => {
  const set = sampleFareSet();
  const bytes = packFares(set);
  assert.deepEqual(unpackFares(bytes, 'v1'), set);
  for (let at = 0; at < bytes.length; at += 97) {
    const changed = bytes.slice();
    changed[at]! ^= 0x11;
    assert.throws(() => unpackFares(changed, 'item v1'), /^FaregateError: item v1/, `byte ${at}`);
    assert.throws(() => unpackFares(bytes.slice(0, at), 'item v1'), /^FaregateError: item v1/);
  }
  assert.throws(() => unpackFares(Uint8Array.of(...bytes, 0), 'v1'), /v1: a matrix of/);
});

test('key versions, settings and modes are read, and what does not fit is named', () => {
  const keys = parseKeyVersions('{"purchase":[{"index":1,"versions":[2,3]}]}', 'keys');
  assert.deepEqual(
    [acceptsKey(keys, 1, 3), acceptsKey(keys, 1, 1), acceptsKey(keys, 2, 2)],
    [true, false, false],
  );
  const settings = parseGateSettings('{"sides":{"G01":"exit"},"city":"1000"}', 'config');
  assert.deepEqual(settings, { sides: { G01: 'exit' }, city: '1000' });
  assert.equal(parseModes('["exitOnly","fareFree"]', 'mode'), Mode.exitOnly | Mode.fareFree);
  assert.equal(parseModes('[]', 'mode'), NORMAL);
  const wrong: [() => unknown, RegExp][] = [
    [
      () => parseKeyVersions('{"purchase":[]}', 'k.json'),
      /^FaregateError: k.json: field \/purchase/,
    ],
    [() => parseKeyVersions('{"purchase":[{"index":256,"versions":[1]}]}', 'k'), /\/0\/index/],
    [() => parseKeyVersions('{"tac":[]}', 'k'), /purchase/],
    [() => parseGateSettings('{"sides":{"G01":"up"}}', 'c'), /\/sides\/G01/],
    [() => parseGateSettings('{"sides":{"G 01":"exit"}}', 'c'), /\/sides/],
    [() => parseGateSettings('{"engine":"elsewhere"}', 'c'), /engine/],
    [() => parseModes('"fareFree"', 'm'), /array/],
    [() => parseModes('["fare free"]', 'm'), /\/0/],
    [() => parseModes('["fareFreely"]', 'm'), /^FaregateError: m: "fareFreely" is none of/],
    [() => parseModes('["entryOnly","exitOnly"]', 'm'), /entryOnly does not combine/],
  ];
  for (const [parse, says] of wrong) assert.throws(parse, says);
});
