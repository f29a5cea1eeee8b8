/** Where a station's journals share their syncs, unless the configuration says otherwise. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServiceConfig } from './config.ts';

/** Its folder, in the one that all journals lie in. */
const NAME = 'shared-log';

/**
 * Folder of the log that the gates' journals share, or null: each syncs for itself. Where nothing
 * is configured, two gates or more whose journals lie in one folder share a log beside them; and a
 * log that is there is used by whatever gates are left, because it may hold their last writes.
 */
export function sharedLogDirOf({ sharedLog, gates }: ServiceConfig): string | null {
  if (sharedLog === false) return null;
  if (sharedLog !== undefined) return sharedLog;
  const folder = dirname(gates[0]!.journal);
  if (gates.some(({ journal }) => dirname(journal) !== folder)) return null;
  const log = join(folder, NAME);
  return gates.length > 1 || existsSync(log) ? log : null;
}
