/**
 * How long the disk's syncs take by themselves: what a tap waits for cannot be less. Looks over the
 * shoulder of every file handle of the process.
 */
import { constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Histogram, type Percentiles } from '../../engine/histogram.ts';

type Methods = Pick<FileHandle, 'datasync' | 'write'>;

let us = new Histogram();
const durable = new WeakMap<FileHandle, boolean>();

/** From now on every `datasync`, and every write to a file opened with O_DSYNC, is timed. */
export async function watchSyncs(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'faregate-syncs-'));
  const handle = await open(join(dir, 'file'), 'w');
  const methods = Object.getPrototypeOf(handle) as Methods;
  await handle.close();
  rmSync(dir, { recursive: true });
  const { datasync, write } = methods;
  methods.datasync = function timed(this: FileHandle): Promise<void> {
    return time(datasync.call(this));
  };
  methods.write = function timed(this: FileHandle, ...what: Parameters<Methods['write']>) {
    const writing = write.apply(this, what);
    return isDurable(this) ? time(writing) : writing;
  } as Methods['write'];
}

async function time<T>(syncing: Promise<T>): Promise<T> {
  const startMs = performance.now();
  const done = await syncing;
  us.add((performance.now() - startMs) * 1000);
  return done;
}

/** What the system says of the open file, asked once; Linux only. */
function isDurable(handle: FileHandle): boolean {
  const known = durable.get(handle);
  if (known !== undefined) return known;
  let is = false;
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8'));
    is = (Number.parseInt(flags?.[1] ?? '0', 8) & constants.O_DSYNC) !== 0;
  } catch {}
  durable.set(handle, is);
  return is;
}

/** Microseconds of the syncs since the last call, the way back to the event loop included. */
export function takeSyncUs(): Percentiles {
  const percentiles = us.percentiles();
  us = new Histogram();
  return percentiles;
}
