/** The kinds of items a parameter set holds, how many of each, and how large. */
import { FARE_VERSIONS_MAX, PARAMETER_TEXT_BYTES_MAX } from '../limits.ts';
import type { ParameterItem } from './manifest.ts';

/**
 * A set is complete: what it does not name, a gate takes from its own configuration, not from the
 * set before.
 */
export const itemKinds = [
  /** One fare version, document and matrix (`fares-item.ts`). */
  'fares',
  /** A full list, as `denylist build` signs it; deltas on it, in order. */
  'denylist',
  'denylistDelta',
  /** A scheme profile (`docs/profiles.md`). */
  'profile',
  /** Purchase key versions that are accepted (`text-items.ts`), as are the next two. */
  'keys',
  'gateConfig',
  'mode',
] as const;
export type ItemKind = (typeof itemKinds)[number];

/** How many of a kind one set may hold. */
const most: Readonly<Partial<Record<ItemKind, number>>> = {
  fares: FARE_VERSIONS_MAX,
  denylist: 1,
  profile: 16,
  keys: 1,
  gateConfig: 1,
  mode: 1,
};

const large: ReadonlySet<ItemKind> = new Set(['fares', 'denylist', 'denylistDelta']);

/** What is wrong with the items of a set, one by one and together, or null. */
export function faultOfItems(items: readonly ParameterItem[]): string | null {
  const seen = new Set<string>();
  const counts = new Map<ItemKind, number>();
  for (const [index, { kind, name, bytes }] of items.entries()) {
    const item = `item ${index} (${kind} ${name})`;
    if (seen.has(`${kind} ${name}`)) return `${item} is there twice`;
    seen.add(`${kind} ${name}`);
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count > (most[kind] ?? items.length)) return `${item} is one of its kind too many`;
    if (!large.has(kind) && bytes > PARAMETER_TEXT_BYTES_MAX) {
      return `${item} is of ${bytes} bytes; ${PARAMETER_TEXT_BYTES_MAX} may be`;
    }
  }
  if (counts.has('denylistDelta') && !counts.has('denylist')) return 'deltas without a full list';
  return null;
}
