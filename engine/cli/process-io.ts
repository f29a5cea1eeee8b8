/** This process's own input, output and environment, as commands use them. */
import type { Io } from './command.ts';

export function processIo(): Io {
  // A reader that has had enough (`| head`) ends the program quietly.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    drained: () =>
      new Promise((resolve) => {
        if (process.stdout.writableNeedDrain) process.stdout.once('drain', resolve);
        else resolve();
      }),
    err: (line) => void process.stderr.write(`${line}\n`),
    input: process.stdin,
    env: process.env,
    terminal: process.stderr.isTTY === true,
  };
}
