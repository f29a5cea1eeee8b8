/** Which set is in force: against a slow telling of the rule, over all that can be published. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inForceAt, isFor, nextAfter, restoring } from '../../engine/parameters/versions.ts';
import { manifestOf, type PlainSet, text } from '../kit/parameters-kit.ts';

interface Dated {
  readonly version: number;
  readonly effectiveMs: number;
}

const published = fc.uniqueArray(
  fc.record({ version: fc.integer({ min: 1, max: 12 }), effectiveMs: fc.nat(20) }),
  { selector: ({ version }) => version, maxLength: 8 },
);

/** Lives through time tick by tick: a set that comes takes over unless a newer one has. */
function slowInForce(sets: readonly Dated[], instantMs: number): number {
  let version = 0;
  for (let now = 0; now <= instantMs; now++) {
    for (const set of sets) {
      if (set.effectiveMs === now && set.version > version) version = set.version;
    }
  }
  return version;
}

test('the set in force is the newest whose instant has come', () => {
  fc.assert(
    fc.property(published, fc.nat(25), (sets, nowMs) => {
      assert.equal(inForceAt(sets, nowMs)?.version ?? 0, slowInForce(sets, nowMs));
    }),
  );
});

test('a gate that asks for the next again and again gets all that ever come into force', () => {
  fc.assert(
    fc.property(published, (sets) => {
      const fetched: Dated[] = [];
      for (let after = 0; ; ) {
        const next = nextAfter(sets, after);
        if (!next) break;
        fetched.push(next);
        after = next.version;
      }
      const ever = new Set(Array.from({ length: 26 }, (_, now) => slowInForce(sets, now)));
      ever.delete(0);
      assert.deepEqual(
        fetched.map(({ version }) => version),
        [...ever].sort((a, b) => a - b),
      );
    }),
  );
});

test('a set is for all gates, or for those it names', () => {
  assert(isFor({ gates: [] }, ['G01']));
  assert(isFor({ gates: ['G02', 'G03'] }, ['G01', 'G03']));
  assert(!isFor({ gates: ['G02'] }, ['G01']));
});

test('going back takes the older content, save the kinds that are kept, for the same gates', () => {
  const plain = (version: number, other: Partial<PlainSet>): PlainSet => ({
    version,
    items: {},
    ...other,
  });
  const older = manifestOf(plain(1, { items: { a: text('old') }, kind: 'fares' }));
  const list = manifestOf(plain(1, { items: { l: text('old list') }, kind: 'denylist' })).items;
  const newer = manifestOf(
    plain(5, { items: { l: text('new list') }, kind: 'denylist', gates: ['G1'] }),
  );
  const back = restoring(
    { ...older, items: [...older.items, ...list] },
    { version: 6, effectiveMs: 9, issuedMs: 8, keep: new Set(['denylist']), current: newer },
  );
  assert.deepEqual([back.version, back.restores, back.gates], [6, 1, ['G1']]);
  assert.deepEqual(back.items, [...older.items, ...newer.items]);
});
