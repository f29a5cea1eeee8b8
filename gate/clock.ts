/** The clock port: wall time for business, monotonic time for durations. */
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Milliseconds since 1970 UTC. */
  nowMs(): number;
  /** Monotonic microseconds from an arbitrary start. */
  monotonicUs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicUs: () => performance.now() * 1000,
};
