/** Runs the compiled programs as a user would, for tests. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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
  // What a process wrote last is read after its exit is told: only then is it known to be all.
  let isClosed = false;
  const watches = new Set<() => void>();
  const watch = (): void => {
    for (const look of watches) look();
  };
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
      isClosed = true;
      resolve({ code, out, err });
      watch();
    });
  });
  const seen = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(out) ?? pattern.exec(err);
        if (!match && !isClosed) return;
        watches.delete(look);
        if (match) resolve(match);
        else reject(new Error(`ended without ${pattern}: ${out}${err}`));
      };
      watches.add(look);
      look();
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

/** Below the ports that systems give to whoever asks for any, and above those of services. */
const PORT_MIN = 10_000;
const PORTS = 20_000;
let portsTried = 0;

/**
 * Ports nobody listens on, and no other test file is given while this one runs. They are used a
 * while later, and again and again: a port that the system gives to whoever listens on port 0, or
 * connects, would be another's by then.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    assert(portsTried < PORTS, 'a port is free');
    const port = PORT_MIN + ((process.pid * 64 + portsTried++) % PORTS);
    if ((await reserve(port)) && (await isFree(port))) found.push(port);
  }
  return found;
}

/** Marks a port by its namesake of UDP, which the process holds to its end; false: another does. */
function reserve(port: number): Promise<boolean> {
  const mark = createSocket('udp4');
  mark.unref();
  return new Promise((resolve) => {
    mark.once('error', () => resolve(false));
    mark.bind(port, '127.0.0.1', () => resolve(true));
  });
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Of an engine's ledger. */
export interface LedgerCounts {
  readonly debits: number;
  readonly posted: number;
  readonly voided: number;
}

const LOOKS_MAX = 1200;
const LOOK_MS = 100;

/** What the ledger of the engine at `http` counts once it has posted so many debits. */
export async function postedBy(http: string, posted: number): Promise<LedgerCounts> {
  for (let look = 0; ; look++) {
    const ledger = (await (await fetch(`${http}/api/ledger`)).json()) as LedgerCounts;
    if (ledger.posted >= posted) return ledger;
    assert(look < LOOKS_MAX, `${ledger.posted} of ${posted} debits were posted`);
    await sleep(LOOK_MS);
  }
}
