/** The field guide says what the code does: lights, sounds, and codes that exist. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCodes } from '../../engine/errors.ts';
import { reasonOrder } from '../../engine/tap/reasons.ts';
import { signals } from '../../gate/barrier/signals.ts';
import { root } from '../shared.ts';

const guide = readFileSync(join(root, 'docs/field-guide.md'), 'utf8');

test('every reason has its light and sound in the guide, in order of precedence', () => {
  const rows = [...guide.matchAll(/^\| `(\w+)` \| (green|amber|red) \| (short|double|long) \|$/gm)];
  assert.deepEqual(
    rows.map(([, reason, light, sound]) => [reason, light, sound]),
    reasonOrder.map((reason) => [reason, signals[reason].light, signals[reason].sound]),
  );
  for (const reason of ['open', 'recovered'] as const) assert.equal(signals[reason].light, 'green');
});

test('the guide says what to do about every error code, once', () => {
  const codes = [...guide.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \| \S/gm)].map((match) => match[1]!);
  assert.deepEqual(codes.sort(), Object.keys(errorCodes).sort());
});
