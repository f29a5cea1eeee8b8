/** Runs the compiled programs as a user would, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after } from 'node:test';
import { root } from '../shared.ts';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ran>;
  /** Resolves with the first match in what it has written so far, out and err. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A test that fails half way must not leave a program behind: its file would never end. */
const live = new Set<ChildProcess>();
after(() => {
  for (const child of live) child.kill('SIGKILL');
});

/** Starts `engine/main.js` or `gate/main.js` of this build. */
export function start(
  program: 'engine' | 'gate',
  args: readonly string[],
  options: RunOptions = {},
): Running {
  const path = join(new URL('../../', import.meta.url).pathname, program, 'main.js');
  const child = spawn(process.execPath, ['--enable-source-maps', path, ...args], {
    cwd: options.cwd ?? root,
    env: options.env ?? process.env,
  });
  let out = '';
  let err = '';
  let watch: () => void = () => {};
  // A process may be gone before all that it wrote has arrived.
  let closed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    watch();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
    watch();
  });
  child.stdin.on('error', () => {});
  live.add(child);
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = new Promise<Ran>((resolve) => {
    child.on('close', (code) => {
      live.delete(child);
      closed = true;
      resolve({ code, out, err });
      watch();
    });
  });
  const seen = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      watch = (): void => {
        const match = pattern.exec(out) ?? pattern.exec(err);
        if (match) resolve(match);
        else if (closed) reject(new Error(`ended without ${pattern}: ${out}${err}`));
      };
      watch();
    });
  return { child, ended, seen };
}

/** Runs to its end. */
export function run(
  program: 'engine' | 'gate',
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  return start(program, args, { input: '', ...options }).ended;
}

/** Ports nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const found = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}
