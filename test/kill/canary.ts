/** Plants a bug in the process that is killed, by changing production classes in place. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../../engine/card/dialogue.ts';
import { DebitKind } from '../../engine/debit/record.ts';
import type { Decision, TapDialogue, TapRun } from '../../engine/tap/decision.ts';
import { Gate } from '../../gate/controller.ts';
import { StationDisks } from '../../gate/journal/shared/station-disks.ts';
import type { CanaryName } from './plan.ts';

/** Longer than a busy machine takes from an intent to the card's debit and an opened gate. */
const SLOW_MS = 200;
/** Few, so that it comes about in the short life of a process on a busy machine. */
const DROPPED_EVERY = 3;

export function plant(canary: CanaryName | null): void {
  if (canary === 'openEarly') {
    slowDisks();
    plantDialogue(openEarly);
  }
  if (canary === 'dropIntent') plantDialogue(dropIntent);
}

function plantDialogue(wrap: (dialogue: TapRun) => TapRun): void {
  const { drive } = Gate.prototype;
  Gate.prototype.drive = function (card, instantMs, dialogue) {
    return drive.call(this, card, instantMs, wrap(dialogue));
  };
}

/** From the first tap on: gates open as quickly as ever. */
let isSlow = false;

/** Nobody waits for the disk: the answer to `commit` is always `go`. */
function* openEarly(dialogue: TapRun): TapDialogue<Decision> {
  isSlow = true;
  let step = dialogue.next(null);
  while (step.done !== true) {
    const answer: Answer = step.value.ask === 'commit' ? 'go' : yield step.value;
    step = dialogue.next(answer);
  }
  return step.value;
}

let intents = 0;

/**
 * A debit's intent that never reaches the journal; the gate opens all the same. A settlement's
 * does reach it: the debit's sequence follows it.
 */
function* dropIntent(dialogue: TapRun): TapDialogue<Decision> {
  let isDropped = false;
  let step = dialogue.next(null);
  while (step.done !== true) {
    const ask = step.value;
    const isDebit = ask.ask === 'intent' && ask.debit.kind === DebitKind.debit;
    if (isDebit) isDropped = ++intents % DROPPED_EVERY === 0;
    const answer: Answer = isDebit && isDropped ? null : yield ask;
    step = dialogue.next(answer);
  }
  return isDropped ? { ...step.value, unconfirmed: null } : step.value;
}

function slowDisks(): void {
  const { open } = StationDisks.prototype;
  StationDisks.prototype.open = async function (directory) {
    const disk = await open.call(this, directory);
    const openFile = disk.open.bind(disk);
    const preallocate = disk.preallocate.bind(disk);
    const slow = <F extends Awaited<ReturnType<typeof openFile>>>(file: F): F => {
      for (const name of ['write', 'writeDurably'] as const) {
        const write = file[name].bind(file);
        file[name] = async (bytes, position) => {
          if (isSlow) await sleep(SLOW_MS);
          await write(bytes, position);
        };
      }
      return file;
    };
    disk.open = async (name) => slow(await openFile(name));
    disk.preallocate = async (name, bytes) => slow(await preallocate(name, bytes));
    return disk;
  };
}
