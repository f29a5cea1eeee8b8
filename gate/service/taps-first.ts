/**
 * What a gate's process asks of Node and of the system, so that taps wait for nothing that can wait
 * (docs/isolation.md says what each is worth). Called before the process starts threads of its own:
 * those that sync an intent are to run at the priority of the taps.
 */
import { getPriority, setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { GATE_NICE, HEAP_GROWTH_PERCENT } from '../../engine/limits.ts';

/**
 * Lets the heap grow before all of it is gone through, and raises the priority of the calling
 * thread, and so of those it starts, to `GATE_NICE` (Linux).
 * @returns false where the system did not let it, or cannot.
 */
export function putTapsFirst(): boolean {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  // Elsewhere it would be the whole process's, with the uplinks'.
  if (process.platform !== 'linux') return false;
  if (getPriority() <= GATE_NICE) return true;
  try {
    setPriority(GATE_NICE);
    return true;
  } catch {
    return false;
  }
}
