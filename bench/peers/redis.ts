/**
 * Redis on a folder of its own, as Debian installs it, every write synced before it is answered,
 * and as much of its protocol (RESP) as a benchmark needs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const REDIS_PROGRAM = '/usr/bin/redis-server';
const START_MS_MAX = 10_000;

export class RedisServer {
  readonly #dir: string;
  readonly #process: ChildProcess;

  private constructor(dir: string, process: ChildProcess) {
    this.#dir = dir;
    this.#process = process;
    // A benchmark that fails must not leave a server behind.
    globalThis.process.once('exit', () => process.kill('SIGKILL'));
  }

  static get installed(): boolean {
    return existsSync(REDIS_PROGRAM);
  }

  static async start(): Promise<RedisServer> {
    const dir = mkdtempSync(join(tmpdir(), 'faregate-redis-'));
    const settings = {
      port: '0',
      unixsocket: join(dir, 'socket'),
      dir,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      // Rewriting the file would only cost it time here.
      'auto-aof-rewrite-percentage': '0',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const server = new RedisServer(dir, spawn(REDIS_PROGRAM, args, { stdio: 'ignore' }));
    for (let ms = 0; !existsSync(settings.unixsocket); ms += 20) {
      if (ms > START_MS_MAX) throw new Error('redis-server did not start');
      await sleep(20);
    }
    return server;
  }

  async connect(): Promise<RedisConnection> {
    const socket = connect({ path: join(this.#dir, 'socket') });
    await once(socket, 'connect');
    return new RedisConnection(socket);
  }

  async stop(): Promise<void> {
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
    rmSync(this.#dir, { recursive: true });
  }
}

/** Answers are lines here: numbers, short strings, errors. */
class RedisConnection {
  readonly #socket: Socket;
  readonly #waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  #rest = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
  }

  /** Several may be under way. @returns an integer, a simple string or a bulk string. */
  command(...parts: readonly (string | Uint8Array)[]): Promise<string> {
    const bytes: Uint8Array[] = [Buffer.from(`*${parts.length}\r\n`)];
    for (const part of parts) {
      const body = typeof part === 'string' ? Buffer.from(part) : part;
      bytes.push(Buffer.from(`$${body.length}\r\n`), body, Buffer.from('\r\n'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(Buffer.concat(bytes));
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf('\r\n');
      if (end < 0) return;
      const type = this.#rest[0];
      let answer = this.#rest.slice(1, end);
      let used = end + 2;
      if (type === '$') {
        const length = Number(answer);
        if (this.#rest.length < used + length + 2) return;
        answer = this.#rest.slice(used, used + length);
        used += length + 2;
      }
      this.#rest = this.#rest.slice(used);
      const { resolve, reject } = this.#waiting.shift()!;
      if (type === '-') reject(new Error(answer));
      else resolve(answer);
    }
  }
}
