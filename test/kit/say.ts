/** What a program that will be killed prints: whole lines, none of them lost in a buffer. */
import { writeSync } from 'node:fs';
import { systemCode } from '../../engine/errors.ts';

const never = new Int32Array(new SharedArrayBuffer(4));

/** Prints a line at once; where nobody has read those before it, waits for room. */
export function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, 1);
    }
  }
}
