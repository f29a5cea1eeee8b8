/**
 * What a barrier's own counter says, as JSON lines from the gate maker's program:
 * `{"gate":"XIDAN-OUT-1","passed":3}`. People who walk through a gate that stands open are counted
 * by nothing else. A line that is none is told to the log and changes nothing.
 */
import { jsonFault } from '../../engine/json-fault.ts';
import { PASSAGE_LINE_BYTES_MAX, PASSAGE_PEOPLE_MAX } from '../../engine/limits.ts';
import type { Log } from '../../engine/log/log.ts';

/** Counts people at a gate; false where there is no such gate. */
export type Passed = (gateId: string, people: number) => boolean;

/**
 * Reads lines until the stream ends; returns how to stop before that. A stream that fails ends the
 * counting, not the gates.
 */
export function readPassages(input: NodeJS.ReadableStream, passed: Passed, log: Log): () => void {
  let rest = '';
  let isOverlong = false;
  const take = (chunk: Buffer | string): void => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const fault = isOverlong ? 'longer than a line can be' : count(line, passed);
      isOverlong = false;
      if (fault) log.warn({}, `a line of the barrier's counter: ${fault}`);
    }
    if (rest.length <= PASSAGE_LINE_BYTES_MAX) return;
    rest = '';
    isOverlong = true;
  };
  const failed = (error: Error): void => {
    log.warn({}, `the barrier's counter is not heard any more: ${error.message}`);
  };
  input.on('data', take);
  input.on('error', failed);
  return () => {
    input.off('data', take);
    input.pause();
  };
}

/** Why a line counts nobody, or null. */
function count(line: string, passed: Passed): string | null {
  if (line.trim() === '') return null;
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return jsonFault(line) ?? 'not JSON';
  }
  const { gate, passed: people } = (data ?? {}) as { gate?: unknown; passed?: unknown };
  if (typeof gate !== 'string') return 'field gate is not a text';
  const isCount = Number.isSafeInteger(people) && (people as number) >= 1;
  if (!isCount || (people as number) > PASSAGE_PEOPLE_MAX) {
    return `field passed is not a whole number from 1 to ${PASSAGE_PEOPLE_MAX}`;
  }
  return passed(gate, people as number) ? null : `no gate ${JSON.stringify(gate)} here`;
}
