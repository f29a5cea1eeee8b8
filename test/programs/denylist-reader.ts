/**
 * A gate on another thread: over the memory of a list it looks two cards up without a pause, of
 * which each delta swaps one for the other, as one question: how many of both are stopped?
 */
import { parentPort, workerData } from 'node:worker_threads';
import { StopList } from '../../engine/denylist/stop-list.ts';

const { buffer, stop, keys, ranges } = workerData as {
  buffer: SharedArrayBuffer;
  /** Set to 1 when it is enough; then the looks so far, told to whoever waits there. */
  stop: Int32Array;
  /** Halves of card A, then of card B. */
  keys: Int32Array;
  /** A number of range A, then one of range B. */
  ranges: Uint8Array;
};
const list = StopList.attach(buffer);
const seen = { looks: 0, versions: 0, mixed: 0, both: [0, 0, 0] };
let lastVersion = -1;
parentPort!.postMessage('ready');
while (Atomics.load(stop, 0) === 0) {
  const before = list.name();
  const a = list.has(keys[0]!, keys[1]!);
  const b = list.has(keys[2]!, keys[3]!);
  const inA = list.stops(ranges, 0, 1, 1);
  const inB = list.stops(ranges, 10, 1, 1);
  const after = list.name();
  seen.looks += 1;
  Atomics.store(stop, 1, seen.looks);
  Atomics.notify(stop, 1);
  if (before.version !== lastVersion) seen.versions += 1;
  lastVersion = before.version;
  // A name is read whole: the digest that a version was given, and no other.
  if (before.digest[0] !== before.version * 3 || before.digest[3] !== before.version * 5) {
    seen.mixed += 1;
  }
  // All answers came from one list, whose version says which of the two is on it.
  if (before.version !== after.version) continue;
  const odd = before.version % 2 === 1;
  if (a !== odd || b === odd || inA !== odd || inB === odd) seen.mixed += 1;
  seen.both[Number(a) + Number(b)]! += 1;
}
parentPort!.postMessage(seen);
