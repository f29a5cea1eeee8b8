/** Bugs that can be planted around production code, to see that the simulation finds them. */
import { at } from '../../engine/debit/codec.ts';
import { DebitState } from '../../engine/debit/record.ts';
import type { Journal } from '../../gate/journal/port.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { CanaryName } from './scenario.ts';

export function plantInJournal(canary: CanaryName | null, journal: Journal): Journal {
  if (canary === 'tornIsVoid') return voiding(journal);
  return canary === 'openEarly' ? hasty(journal) : journal;
}

export function plantInDisk(canary: CanaryName | null, disk: SimDisk): SimDisk {
  return canary === 'lyingSync' ? lying(disk) : disk;
}

/** A journal with one method in the place of its own. */
function changed<K extends 'close' | 'intent'>(
  journal: Journal,
  name: K,
  method: Journal[K],
): Journal {
  return new Proxy(journal, {
    get(target, asked) {
      if (asked === name) return method;
      const value: unknown = Reflect.get(target, asked, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** It is told of no debit whose outcome is unknown. */
function voiding(journal: Journal): Journal {
  return changed(journal, 'close', (record) => {
    const copy = record.slice();
    if (copy[at.state] === DebitState.unconfirmed) copy[at.state] = DebitState.void;
    journal.close(copy);
  });
}

/** Its intents count as durable while they are still on their way. */
function hasty(journal: Journal): Journal {
  return changed(journal, 'intent', (record) => {
    journal.intent(record).catch(() => undefined);
    return Promise.resolve();
  });
}

/** Promises more than it does: its syncs make nothing durable. */
function lying(disk: SimDisk): SimDisk {
  const open = disk.open.bind(disk);
  const preallocate = disk.preallocate.bind(disk);
  disk.open = async (name) => ({ ...(await open(name)), sync: async () => {} });
  disk.preallocate = async (name, bytes) => ({
    ...(await preallocate(name, bytes)),
    sync: async () => {},
  });
  return disk;
}
