/**
 * PostgreSQL on a folder of its own, as Debian installs it, reached over its Unix socket, and as
 * much of its protocol (version 3, "Frontend/Backend Protocol" of its manual) as a benchmark needs:
 * a statement prepared once, then executed with text parameters, several under way at a time.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = '/usr/lib/postgresql';
const USER = 'postgres';
const START_MS_MAX = 30_000;

export class PostgresServer {
  readonly #dir: string;
  readonly #process: ChildProcess;

  private constructor(dir: string, process: ChildProcess) {
    this.#dir = dir;
    this.#process = process;
    // A benchmark that fails must not leave a server behind.
    globalThis.process.once('exit', () => process.kill('SIGQUIT'));
  }

  /** Where its programs are, or null where it is not installed. */
  static programs(): string | null {
    if (!existsSync(ROOT)) return null;
    const versions = readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, 'bin/initdb')));
    const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
    return newest === undefined ? null : join(ROOT, newest, 'bin');
  }

  /** Its defaults (fsync and synchronous_commit on), with memory and WAL for the load. */
  static async start(programs: string): Promise<PostgresServer> {
    const dir = mkdtempSync(join(tmpdir(), 'faregate-pg-'));
    const who = owner();
    if (who.uid !== undefined) chownSync(dir, who.uid, who.gid!);
    const data = join(dir, 'data');
    const init = ['-D', data, '-U', USER, '--auth=trust', '--no-locale', '--encoding=UTF8'];
    execFileSync(join(programs, 'initdb'), init, { ...who, cwd: dir, stdio: 'ignore' });
    const settings = {
      listen_addresses: '',
      unix_socket_directories: dir,
      shared_buffers: '1GB',
      max_wal_size: '8GB',
      checkpoint_timeout: '15min',
      work_mem: '16MB',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const process = spawn(join(programs, 'postgres'), ['-D', data, ...args], {
      ...who,
      cwd: dir,
      stdio: 'ignore',
    });
    const server = new PostgresServer(dir, process);
    for (let ms = 0; ; ms += 50) {
      const connection = await server.connect().catch(() => null);
      if (connection) {
        connection.end();
        return server;
      }
      if (ms > START_MS_MAX) throw new Error('postgres did not start');
      await sleep(50);
    }
  }

  async connect(): Promise<PostgresConnection> {
    const socket = connect({ path: join(this.#dir, '.s.PGSQL.5432') });
    await once(socket, 'connect');
    const connection = new PostgresConnection(socket);
    await connection.begin();
    return connection;
  }

  async stop(): Promise<void> {
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGINT');
    await exit;
    rmSync(this.#dir, { recursive: true });
  }
}

/** It refuses to run as root; its package brings a user. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const number = (flag: string) => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

interface Waiting {
  readonly resolve: (row: readonly string[]) => void;
  readonly reject: (error: Error) => void;
  row: readonly string[];
  error: Error | null;
}

class PostgresConnection {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('close', () => {
      for (const { reject } of this.#waiting) reject(new Error('postgres hung up'));
    });
  }

  async begin(): Promise<void> {
    const names = Buffer.from(`user\0${USER}\0database\0${USER}\0\0`);
    const head = Buffer.alloc(8);
    head.writeInt32BE(8 + names.length, 0);
    head.writeInt32BE(3 << 16, 4);
    await this.#send(Buffer.concat([head, names]));
  }

  /** Statements without parameters; the last row of the last. */
  async query(sql: string): Promise<readonly string[]> {
    return this.#send(message('Q', Buffer.from(`${sql}\0`)));
  }

  /** Prepares the one statement of this connection. */
  async prepare(sql: string): Promise<void> {
    const parse = message('P', Buffer.from(`s\0${sql}\0\0\0`));
    await this.#send(Buffer.concat([parse, message('S')]));
  }

  /** Executes it; several may be under way. */
  async execute(parameters: readonly string[]): Promise<void> {
    const parts: Buffer[] = [Buffer.from('\0s\0\0\0'), int16(parameters.length)];
    for (const parameter of parameters) {
      const text = Buffer.from(parameter);
      parts.push(int32(text.length), text);
    }
    parts.push(int16(0));
    const execute = message('E', Buffer.from('\0\0\0\0\0'));
    await this.#send(Buffer.concat([message('B', Buffer.concat(parts)), execute, message('S')]));
  }

  end(): void {
    this.#socket.end(message('X'));
  }

  #send(bytes: Buffer): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject, row: [], error: null });
      this.#socket.write(bytes);
    });
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const length = 1 + this.#rest.readInt32BE(1);
      if (this.#rest.length < length) return;
      const body = this.#rest.subarray(5, length);
      const waiting = this.#waiting[0];
      const type = String.fromCharCode(this.#rest[0]!);
      this.#rest = this.#rest.subarray(length);
      // It says goodbye unasked when it stops.
      if (!waiting) continue;
      if (type === 'D') waiting.row = columns(body);
      if (type === 'E') waiting.error = new Error(body.toString('utf8').replaceAll('\0', ' '));
      if (type !== 'Z') continue;
      this.#waiting.shift();
      if (waiting.error) waiting.reject(waiting.error);
      else waiting.resolve(waiting.row);
    }
  }
}

function columns(body: Buffer): string[] {
  const texts: string[] = [];
  let at = 2;
  for (let i = 0; i < body.readInt16BE(0); i++) {
    const length = Math.max(0, body.readInt32BE(at));
    texts.push(body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return texts;
}

function message(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from(type), int32(4 + body.length), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}
