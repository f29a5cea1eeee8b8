/**
 * The versions of an operator's fares and which is in force when. A new version takes over at its
 * effective instant on every gate at once, not when it happens to be delivered.
 */
import assert from 'node:assert/strict';
import { FARE_VERSIONS_MAX } from '../limits.ts';
import type { CompiledFares } from './fares.ts';

/** What tells versions apart. */
export interface Dated {
  readonly version: number;
  readonly effectiveMs: number;
}

export interface Versions<T extends Dated> {
  /** By effective instant, then by number: the order in which they take over. */
  readonly versions: readonly T[];
  /** The version in force at an instant, or null before the first. Allocates nothing. */
  at(instantMs: number): T | null;
}

export type FareVersions = Versions<CompiledFares>;

/**
 * A book of 1 to FARE_VERSIONS_MAX versions. Of several with one effective instant the highest
 * number counts: it corrects the others.
 */
export function fareBook<T extends Dated>(versions: readonly T[]): Versions<T> {
  assert(versions.length >= 1 && versions.length <= FARE_VERSIONS_MAX);
  const sorted = [...versions].sort(
    (a, b) => a.effectiveMs - b.effectiveMs || a.version - b.version,
  );
  return {
    versions: sorted,
    at(instantMs: number): T | null {
      for (let i = sorted.length - 1; i >= 0; i--) {
        if (sorted[i]!.effectiveMs <= instantMs) return sorted[i]!;
      }
      return null;
    },
  };
}
