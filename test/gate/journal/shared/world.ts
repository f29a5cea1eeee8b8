/** Two gates and their shared log on three simulated disks that lose their power together. */
import type { Disk } from '../../../../gate/journal/disk.ts';
import type { Journal } from '../../../../gate/journal/port.ts';
import { openSharedDisk } from '../../../../gate/journal/shared/shared-disk.ts';
import { SharedLog } from '../../../../gate/journal/shared/shared-log.ts';
import { type Choose, SimDisk, type SimHooks } from '../../../sim-disk.ts';
import { open } from '../promises.ts';

export const GATES = ['north', 'south'] as const;
export const SEGMENT_BYTES = 3072;
/** Small, so that a short day fills several generations. */
export const FILE_BYTES = 8192;
const BATCH_BYTES = 3072;

export interface Disks {
  readonly log: SimDisk;
  readonly gates: ReadonlyMap<string, SimDisk>;
}

export function newDisks(): Disks {
  return { log: new SimDisk(), gates: new Map(GATES.map((gate) => [gate, new SimDisk()])) };
}

/** Every disk of a station as `found` takes it. */
export function mapDisks(disks: Disks, found: (disk: SimDisk) => SimDisk): Disks {
  const gates = [...disks.gates].map(([gate, disk]) => [gate, found(disk)] as const);
  return { log: found(disks.log), gates: new Map(gates) };
}

export function hook(disks: Disks, hooks: SimHooks): void {
  for (const disk of [disks.log, ...disks.gates.values()]) Object.assign(disk.hooks, hooks);
}

export interface SharedStation {
  readonly log: SharedLog;
  readonly journals: readonly Journal[];
  end(): Promise<void>;
}

export function openLog(disks: Disks, choose: Choose): Promise<SharedLog> {
  return SharedLog.open({
    disk: disks.log,
    openDirectory: async (directory) => disks.gates.get(directory) ?? null,
    random: (bytes) => Uint8Array.from({ length: bytes }, () => choose(256)),
    fileBytes: FILE_BYTES,
    batchBytes: BATCH_BYTES,
  });
}

export async function openStation(disks: Disks, choose: Choose): Promise<SharedStation> {
  const log = await openLog(disks, choose);
  const journals: Journal[] = [];
  for (const [gate, inner] of disks.gates) {
    const disk: Disk = await openSharedDisk(log, inner, gate);
    journals.push(await open(disk, choose, SEGMENT_BYTES));
  }
  const end = async (): Promise<void> => {
    for (const journal of journals) await journal.end();
    await log.end();
  };
  return { log, journals, end };
}
