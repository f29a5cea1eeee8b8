/** Files that must be whole or absent: certificates, keys, the registry of gates, denylists. */
import { constants } from 'node:fs';
import { access, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, FaregateError, systemCode, systemText } from '../errors.ts';

const LOCK_WAIT_MS = 10_000;
const LOCK_RETRY_MS = 20;

/** A text file of at most `bytesMax`. @throws FaregateError FILE_UNREADABLE naming it. */
export async function readText(path: string, bytesMax: number): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size <= bytesMax) return await readFile(path, 'utf8');
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  throw new FaregateError('FILE_UNREADABLE', `${path}: more than ${bytesMax} bytes`);
}

/**
 * A file of any size in pieces of at most `bytes`, each good until the next is asked for.
 * @throws FaregateError FILE_UNREADABLE naming it.
 */
export async function* readPieces(path: string, bytes: number): AsyncGenerator<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = new Uint8Array(bytes);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, bytes);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
}

/** The file's text, or null where there is none. @throws FaregateError FILE_UNREADABLE. */
export async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return null;
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
}

/**
 * Makes sure that a file could be made under a name, before its content is settled for good.
 * @throws FaregateError FILE_UNWRITABLE where its folder is missing or not ours to write to.
 */
export async function requireFolderOf(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = systemText(cause);
    throw new FaregateError('FILE_UNWRITABLE', `cannot write into ${folder}: ${why}`, { cause });
  }
}

/**
 * Writes a file so that a crash leaves the former content or the new, never a part: beside it, then
 * synced, renamed over it, and the directory synced.
 * @param parts of the content, in order
 * @throws FaregateError DISK_FULL, FILE_UNWRITABLE naming the file.
 */
export async function writeWhole(
  path: string,
  parts: Iterable<string | Uint8Array>,
  mode: number,
): Promise<void> {
  const beside = `${path}.${process.pid}.new`;
  try {
    const file = await open(beside, 'w', mode);
    try {
      await file.chmod(mode);
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {});
    const code = systemCode(cause) === 'ENOSPC' ? 'DISK_FULL' : 'FILE_UNWRITABLE';
    const why = systemText(cause);
    throw new FaregateError(code, `cannot write ${path}: ${why}`, { cause });
  }
}

/** Makes the names in a directory outlive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What holds a lock, and the code of who finds it held. */
export interface Busy {
  readonly code: ErrorCode;
  readonly what: string;
}

let lastInLine: Promise<unknown> = Promise.resolve();

/**
 * Runs `work` while nobody else runs theirs under the same lock file; callers within this process
 * wait in line. A lock whose process is gone is taken over.
 * @param busy what is said when another process keeps it for ten seconds
 * @throws FaregateError of the code of `busy`
 */
export function locked<T>(
  lockFile: string,
  work: () => Promise<T>,
  busy: Busy = { code: 'ENROLMENT_REFUSED', what: 'enrolment' },
): Promise<T> {
  const run = lastInLine.then(async () => {
    await takeLock(lockFile, busy);
    try {
      return await work();
    } finally {
      await rm(lockFile, { force: true });
    }
  });
  lastInLine = run.catch(() => undefined);
  return run;
}

async function takeLock(lockFile: string, { code, what }: Busy): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += LOCK_RETRY_MS) {
    try {
      const lock = await open(lockFile, 'wx');
      await lock.writeFile(String(process.pid));
      await lock.close();
      return;
    } catch (cause) {
      if (systemCode(cause) !== 'EEXIST') {
        throw new FaregateError('DISK_FAILED', `${lockFile}: ${systemText(cause)}`, {
          cause,
        });
      }
    }
    const holder = Number(await readIfPresent(lockFile));
    if (holder > 0 && isGone(holder)) {
      await rm(lockFile, { force: true });
    } else if (waitedMs >= LOCK_WAIT_MS) {
      throw new FaregateError(code, `another ${what} is under way; if none is, remove ${lockFile}`);
    }
    await sleep(LOCK_RETRY_MS);
  }
}

/** Whether no other process has this number. Ours, in a lock we do not hold, is a former one's. */
function isGone(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}
