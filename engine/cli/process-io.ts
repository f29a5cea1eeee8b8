/** This process's own input, output, environment and signals, as commands use them. */
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

/** Resolves when the process is asked to stop, by a signal or (`untilEof`) by the end of its input. */
export function untilStopped(io: Io, untilEof: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    if (!untilEof) return;
    io.input.on('end', resolve);
    io.input.resume();
  });
}
