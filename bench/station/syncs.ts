/**
 * How long the disk's syncs take by themselves: what a tap waits for cannot be less. Looks over the
 * shoulder of every file handle of the process.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Histogram, type Percentiles } from '../../engine/histogram.ts';

let us = new Histogram();

/** From now on every `datasync` is timed. */
export async function watchSyncs(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'faregate-syncs-'));
  const handle = await open(join(dir, 'file'), 'w');
  const methods = Object.getPrototypeOf(handle) as Pick<FileHandle, 'datasync'>;
  await handle.close();
  rmSync(dir, { recursive: true });
  const { datasync } = methods;
  methods.datasync = async function timed(this: FileHandle): Promise<void> {
    const startMs = performance.now();
    await datasync.call(this);
    us.add((performance.now() - startMs) * 1000);
  };
}

/** Microseconds of the syncs since the last call, the way back to the event loop included. */
export function takeSyncUs(): Percentiles {
  const percentiles = us.percentiles();
  us = new Histogram();
  return percentiles;
}
