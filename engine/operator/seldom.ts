/**
 * What is asked for with each batch, such as whether a file changed, and need be looked at only
 * every few milliseconds: a look at a file in the middle of ingest costs as much as ten debits.
 */
import { FILES_LOOK_MS } from '../durations.ts';

/** Answers true where `everyMs` have passed since it last did, and at first. */
export function seldom(
  everyMs: number = FILES_LOOK_MS,
  nowMs: () => number = () => performance.now(),
): () => boolean {
  let nextMs = Number.NEGATIVE_INFINITY;
  return () => {
    const atMs = nowMs();
    if (atMs < nextMs) return false;
    nextMs = atMs + everyMs;
    return true;
  };
}
