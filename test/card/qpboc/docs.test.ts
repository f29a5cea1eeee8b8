/** The table of reasons in the documentation is that of the code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ecashReasons } from '../../../engine/card/qpboc/reasons.ts';
import { root } from '../../shared.ts';

test('docs/ecash.md lists the reasons with their meanings', () => {
  const text = readFileSync(join(root, 'docs/ecash.md'), 'utf8');
  const section = text.slice(text.indexOf('## Reasons'), text.indexOf('## Measured'));
  const rows = [...section.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map((row) => [row[1], row[2]]);
  assert.deepEqual(rows, Object.entries(ecashReasons));
});
