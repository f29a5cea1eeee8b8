/** Bugs that can be planted around production code, to see that the simulation finds them. */
import { at, decodeDebit } from '../../engine/debit/codec.ts';
import { isEvent } from '../../engine/debit/event.ts';
import { DebitKind, DebitState, ECASH_TRANSACTION } from '../../engine/debit/record.ts';
import { type Decision, refuse } from '../../engine/tap/decision.ts';
import type { Journal } from '../../gate/journal/port.ts';
import type { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { CanaryName } from './scenario.ts';

/** @param show what the gate shows its riders by */
export function plantInJournal(
  canary: CanaryName | null,
  journal: Journal,
  show: (decision: Decision) => void,
): Journal {
  if (canary === 'tornIsVoid') return voiding(journal);
  if (canary === 'openUnproven') return trusting(journal, show);
  return canary === 'openEarly' ? hasty(journal) : journal;
}

export function plantInDisk(canary: CanaryName | null, disk: SimDisk): SimDisk {
  return canary === 'lyingSync' ? lying(disk) : disk;
}

export function plantInStation(
  canary: CanaryName | null,
  unconfirmed: UnconfirmedDebits,
): UnconfirmedDebits {
  if (canary === 'recoverTwice') unconfirmed.settle = async () => {};
  return unconfirmed;
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

/** Opens for e-cash when the intent is durable: the card has neither paid nor proved itself. */
function trusting(journal: Journal, show: (decision: Decision) => void): Journal {
  return changed(journal, 'intent', async (record) => {
    const debit = isEvent(record, 0) ? null : decodeDebit(record, 0);
    await journal.intent(record);
    if (debit?.transactionType !== ECASH_TRANSACTION || debit.kind !== DebitKind.debit) return;
    const decision = refuse(debit.tapKind, 'open', '');
    show({ ...decision, open: true, closed: [debit] });
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
