/** The lists of a parameter set: gone on with, loaded anew, gone back from; or refused. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { fromHex } from '../../../engine/bytes.ts';
import { cmacKey } from '../../../engine/crypto/mac.ts';
import { Denylist } from '../../../engine/denylist/denylist.ts';
import { signer } from '../../../engine/denylist/signing.ts';
import { prepareChain } from '../../../gate/denylist/list-chain.ts';
import type { ListSource } from '../../../gate/denylist/list-load.ts';
import {
  deltaFile,
  fullFile,
  hashKey,
  operator,
  type PlainList,
  serial,
} from '../../kit/denylist-kit.ts';

const keys = { hashKey, publicKey: operator.publicKey, form: 'small' } as const;
const lists: PlainList[] = [[1, 2], [2, 3], [3, 4, 5], [5]].map((cards, i) => ({
  version: i + 1,
  cards: new Set(cards),
}));

function source(name: string, bytes: Uint8Array): ListSource {
  return {
    name,
    async *read() {
      for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
    },
  };
}

/** The full list 1 and the deltas after it, up to a version. */
function chain(upTo: number): ListSource[] {
  const deltas = lists
    .slice(1, upTo)
    .map((list, i) => source(`delta ${list.version}`, deltaFile(lists[i]!, list)));
  return [source('full 1', fullFile(lists[0]!)), ...deltas];
}

function assertStops(denylist: Denylist, version: number): void {
  assert.equal(denylist.list.name().version, version);
  for (let card = 0; card < 8; card++) {
    const stopped = lists[version - 1]!.cards.has(card);
    assert.equal(denylist.has(serial(card), 0), stopped, `version ${version}, card ${card}`);
  }
}

const nobody = () => Denylist.build(hashKey, [], 'small');

test('a chain is loaded, gone on with in place, and gone back from', async () => {
  const first = await (await prepareChain(chain(2), nobody(), true, keys))();
  assertStops(first, 2);
  const activate = await prepareChain(chain(4), first, true, keys);
  assertStops(first, 2);
  const later = await activate();
  assert.equal(later, first, 'deltas are applied in place');
  assertStops(later, 4);
  assert.equal(await (await prepareChain(chain(4), later, false, keys))(), later);
  const back = await (await prepareChain(chain(1), later, true, keys))();
  assertStops(back, 1);
  assertStops(later, 4);
  const apart = await (await prepareChain(chain(3), back, false, keys))();
  assertStops(apart, 3);
  assertStops(back, 1);
});

test('what is wrong in a chain is named, and the list in force stays', async () => {
  const current = await (await prepareChain(chain(2), nobody(), true, keys))();
  const damaged = deltaFile(lists[1]!, lists[2]!);
  damaged[damaged.length - 1]! ^= 1;
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const cases: [string, ListSource[], RegExp][] = [
    [
      'damaged',
      [...chain(2), source('d', damaged)],
      /d: its (content is damaged|digest is wrong)|d: key/,
    ],
    [
      'gap',
      [...chain(2), source('d', deltaFile(lists[2]!, lists[3]!))],
      /DENYLIST_GAP|another list/,
    ],
    ['no full list', chain(3).slice(1), /a full list comes first/],
    ['two full lists', [chain(1)[0]!, chain(1)[0]!], /a full list comes first/],
    [
      'forged',
      [source('f', fullFile(lists[3]!, { sign: signer(stranger) }))],
      /f: not signed by the operator/,
    ],
    ['other cards', [source('f', fullFile(lists[3]!, { keyCheck: 1 }))], /f: .*another key/],
    ['cut', [source('f', fullFile(lists[3]!).slice(0, -1))], /f: ends after/],
  ];
  for (const [name, sources, says] of cases) {
    await assert.rejects(prepareChain(sources, current, true, keys), says, name);
    assertStops(current, 2);
  }
  const otherKey = { ...keys, hashKey: cmacKey(fromHex('00'.repeat(16))) };
  await assert.rejects(prepareChain(chain(2), current, true, otherKey), /another key/);
});
