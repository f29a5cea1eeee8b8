/**
 * Which of several parameter sets is in force, and which are still to come. A set takes over at its
 * instant and stays until one of a higher version has come into force; so the newest word of the
 * operator counts, and a set that was published for a later day is superseded by a correction that
 * came into force before it. Pure: the instant is passed in.
 */
import assert from 'node:assert/strict';
import type { ItemKind } from './item-kinds.ts';
import type { Manifest } from './manifest.ts';

type Dated = Pick<Manifest, 'version' | 'effectiveMs'>;

/** Whether a set is for a process that serves these gates: for all gates, or for one of them. */
export function isFor(manifest: Pick<Manifest, 'gates'>, gateIds: readonly string[]): boolean {
  return manifest.gates.length === 0 || gateIds.some((id) => manifest.gates.includes(id));
}

/** The set in force at an instant: the highest version whose time has come; null before any. */
export function inForceAt<T extends Dated>(sets: readonly T[], instantMs: number): T | null {
  let best: T | null = null;
  for (const set of sets) {
    if (set.effectiveMs <= instantMs && (!best || set.version > best.version)) best = set;
  }
  return best;
}

/** Whether a higher version takes over before the set could, or at the same instant. */
export function isSuperseded(set: Dated, sets: readonly Dated[]): boolean {
  return sets.some((one) => one.version > set.version && one.effectiveMs <= set.effectiveMs);
}

/** The lowest version above `after` that can still come into force, or null. */
export function nextAfter<T extends Dated>(sets: readonly T[], after: number): T | null {
  let next: T | null = null;
  for (const set of sets) {
    if (set.version <= after || isSuperseded(set, sets)) continue;
    if (!next || set.version < next.version) next = set;
  }
  return next;
}

export interface Restoring {
  readonly version: number;
  readonly effectiveMs: number;
  readonly issuedMs: number;
  /** Kinds of items that stay as they are in `current`. */
  readonly keep: ReadonlySet<ItemKind>;
  readonly current: Manifest;
}

/** A new set that puts an older one's content in force again, for the gates of the current one. */
export function restoring(older: Manifest, options: Restoring): Manifest {
  const { version, effectiveMs, issuedMs, keep, current } = options;
  assert(older.version < version && current.version < version);
  return {
    version,
    effectiveMs,
    issuedMs,
    restores: older.version,
    gates: current.gates,
    items: [
      ...older.items.filter(({ kind }) => !keep.has(kind)),
      ...current.items.filter(({ kind }) => keep.has(kind)),
    ],
  };
}
