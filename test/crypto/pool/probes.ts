/** Jobs that tell when they begin, wait until told, and die: what a pool must live with. */
import type { JobKind } from '../../../engine/crypto/pool/jobs.ts';
import { jobs } from '../../../engine/crypto/pool/jobs.ts';

/** In shared memory: whether jobs may go on, how many began, and their tags in that order. */
export const probe = { open: 0, begun: 1, tags: 2 } as const;

export interface Probe {
  readonly shared: Int32Array;
  readonly tag: number;
}

export interface Fatal {
  readonly shared: Int32Array;
  /** Times the job fails before it succeeds. */
  readonly failures: number;
  readonly how: 'exit' | 'throw' | 'heap';
}

/** One byte in; the tag out, once `open` is 1. */
const gated: JobKind<Probe> = {
  itemBytes: 1,
  resultBytes: 1,
  itemsMin: 0,
  run(_tools, { output }, { shared, tag }) {
    shared[probe.tags + Atomics.add(shared, probe.begun, 1)] = tag;
    Atomics.wait(shared, probe.open, 0);
    output.fill(tag);
  },
};

/** One byte in; 7 out, after so many failures. */
const fatal: JobKind<Fatal> = {
  itemBytes: 1,
  resultBytes: 1,
  itemsMin: 0,
  run(_tools, { output }, { shared, failures, how }) {
    // Half a result, which must not be taken for one.
    output[0] = 1;
    if (Atomics.add(shared, probe.begun, 1) < failures) {
      if (how === 'exit') process.exit(7);
      if (how === 'throw') throw new Error('thrown by the probe');
      for (const held: number[][] = []; ; ) held.push(new Array<number>(100_000).fill(1.5));
    }
    output.fill(7);
  },
};

export const probes = {
  ...jobs,
  tacs: { ...jobs.tacs, itemsMin: 0 },
  cardKeys: { ...jobs.cardKeys, itemsMin: 0 },
  cardHashes: { ...jobs.cardHashes, itemsMin: 0 },
  gated,
  fatal,
} as const;
