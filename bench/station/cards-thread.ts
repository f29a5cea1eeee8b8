/**
 * The thread of the station's cards: looks what readers sent, sends what cards have to say, and
 * takes orders in between. Started by `wired-reader.ts`.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type CardLinkMemory, nowUs, Ring } from './card-link.ts';
import { Cards, type Pace } from './cards.ts';
import type { LoadPlan } from './plan.ts';

/** How long the thread sleeps at most between two looks. */
const LOOK_MS = 0.2;

/** What the thread is told, and what it answers. */
export interface CardsOrder {
  readonly order: 'flow' | 'paced' | 'rounds' | 'pause' | 'stop' | 'figures';
  readonly argument: string | number;
}

const { plan, memory } = workerData as { plan: LoadPlan; memory: CardLinkMemory };
const port = parentPort!;
const commands = new Ring(memory.toCards);
const answers = new Ring(memory.toStation);
let isToldOf = false;
const cards = new Cards(plan, (kind, gate, bytes, sentUs) => {
  if (answers.send(kind, gate, bytes, sentUs)) isToldOf = true;
});
let isEnding = false;

// Not the station's, which a thread begins with: cards are not its work. On Linux, the thread's own.
setPriority(constants.priority.PRIORITY_NORMAL);

function turn(): void {
  if (isEnding) return;
  commands.take((kind, gate, _, bytes) => cards.hear(kind, gate, bytes), false);
  const nextUs = cards.sendDue();
  if (isToldOf) port.postMessage(null);
  isToldOf = false;
  commands.wait(Math.max(0, Math.min(LOOK_MS, (nextUs - nowUs()) / 1000)));
  setImmediate(turn);
}

async function obey({ order, argument }: CardsOrder): Promise<object> {
  if (order === 'flow') cards.flow(argument as Pace);
  else if (order === 'paced') cards.paced(argument as number);
  else if (order === 'rounds') await cards.rounds(argument as number);
  else if (order === 'pause') await cards.pause();
  else if (order === 'figures') return { seconds: cpuSeconds(), lateUs: cards.takeLateUs() };
  else {
    cards.tell();
    isEnding = true;
  }
  return {};
}

/** Processor time of this thread so far; 0 where the system does not say. */
function cpuSeconds(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return 0;
  }
}

/** The system's number of this thread; 0 where it does not say. */
function threadNumber(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return 0;
  }
}

port.on('message', (order: CardsOrder) => {
  void obey(order).then((answer) => port.postMessage(answer));
});
port.postMessage({ thread: threadNumber() });
turn();
