/** Puts simulated reader devices where a gate finds them: on a TCP port, or behind a pty. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Device } from './reader-devices.ts';

/** What a plug needs of a device. */
export type PluggedDevice = Pick<Device, 'receive' | 'reset'>;

/** Where a device is plugged in. */
export interface Plug {
  /** `HOST:PORT` or the path of a serial device. */
  readonly address: string;
  unplug(): Promise<void>;
  replug(): Promise<void>;
  end(): Promise<void>;
}

export class TcpPlug implements Plug {
  readonly #device: PluggedDevice;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;

  static async of(device: PluggedDevice): Promise<TcpPlug> {
    const plug = new TcpPlug(device);
    await plug.replug();
    return plug;
  }

  private constructor(device: PluggedDevice) {
    this.#device = device;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async replug(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk) => {
        this.#device.receive(chunk, (bytes) => void socket.write(Uint8Array.from(bytes)));
      });
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as { port: number }).port;
    this.#server = server;
  }

  async unplug(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#server = null;
    this.#device.reset();
  }

  end(): Promise<void> {
    return this.unplug();
  }
}

/** Why there can be no pty here, or false. */
export const noPty: string | false =
  process.env.CI === 'true' || spawnSync('socat', ['-V']).status === 0
    ? false
    : 'socat is not installed';

/** Ends a wait for a socat that failed. */
const PTY_LOOKS_MAX = 6000;

/** A pty that socat ties to the device's TCP port. */
export class PtyPlug implements Plug {
  readonly address: string;
  readonly #folder: string;
  readonly #tcp: TcpPlug;
  #socat: ChildProcess | null = null;
  #holder: FileHandle | null = null;

  static async of(device: PluggedDevice): Promise<PtyPlug> {
    const plug = new PtyPlug(await TcpPlug.of(device));
    await plug.#plugIn();
    return plug;
  }

  private constructor(tcp: TcpPlug) {
    this.#tcp = tcp;
    this.#folder = mkdtempSync(join(tmpdir(), 'faregate-pty-'));
    this.address = join(this.#folder, 'tty');
  }

  async replug(): Promise<void> {
    await this.#tcp.replug();
    await this.#plugIn();
  }

  async unplug(): Promise<void> {
    const ended = this.#socat && once(this.#socat, 'exit');
    this.#socat?.kill();
    await ended;
    await this.#holder?.close().catch(() => {});
    this.#holder = null;
    this.#socat = null;
    await this.#tcp.unplug();
  }

  async end(): Promise<void> {
    await this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #plugIn(): Promise<void> {
    const pty = `pty,raw,echo=0,link=${this.address}`;
    this.#socat = spawn('socat', [pty, `tcp:${this.#tcp.address},nodelay`], { stdio: 'inherit' });
    for (let i = 0; i < PTY_LOOKS_MAX && !existsSync(this.address); i++) await sleep(10);
    // As long as someone holds the pty, socat does not end when the gate lets go of it.
    this.#holder = await open(this.address, 'r+');
  }
}
