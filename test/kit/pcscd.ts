/** Debian's pcscd with its virtual reader (vpcd), started for a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const DRIVER = '/usr/lib/pcsc/drivers/serial/libifdvpcd.so';
const SOCKET = '/run/pcscd/pcscd.comm';
const PID_FILE = '/run/pcscd/pcscd.pid';
/**
 * Where card programs find the virtual reader's two slots: below the ports that systems give to
 * whoever asks for any, and those that other tests are given (`programs.ts`).
 */
const PORT = 9163;
export const slotPorts: readonly [number, number] = [PORT, PORT + 1];

/** Why pcscd cannot be run here, or false. */
export const noPcscd: string | false =
  process.env.CI === 'true'
    ? false
    : !existsSync('/usr/sbin/pcscd') || !existsSync(DRIVER)
      ? 'pcscd and vsmartcard-vpcd are not installed'
      : process.getuid?.() !== 0
        ? 'pcscd has to be started by root'
        : false;

export class Pcscd {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'faregate-pcscd-'));
  #child: ChildProcess | null = null;

  /** @param readers whether the virtual reader is plugged in */
  async start(readers = true): Promise<void> {
    const config =
      `FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:${PORT}\n` +
      `LIBPATH ${DRIVER}\nCHANNELID ${PORT}\n`;
    writeFileSync(join(this.#folder, 'vpcd'), readers ? config : '');
    // Another pcscd, of another run of these tests, ends sooner or later.
    for (let i = 0; i < 60; i++) {
      const options = ['--foreground', '--critical', '--auto-exit', '-c', this.#folder];
      const child = spawn('/usr/sbin/pcscd', options, { stdio: 'ignore' });
      this.#child = child;
      for (let j = 0; j < 100 && child.exitCode === null; j++) {
        if (servingPid() === child.pid && (await listens())) return;
        await sleep(20);
      }
      await this.stop();
      await sleep(500);
    }
    throw new Error('pcscd does not start');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The process that has the socket: another pcscd may run already, and ours then ends. */
function servingPid(): number {
  return existsSync(PID_FILE) ? Number.parseInt(readFileSync(PID_FILE, 'utf8'), 10) : 0;
}

async function listens(): Promise<boolean> {
  const socket = connect(SOCKET);
  const open = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return open;
}
