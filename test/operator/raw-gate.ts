/** A gate for tests of ingest: connects over TLS and says whatever a test wants said. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Debit } from '../../engine/debit/record.ts';
import {
  decodeEngineMessage,
  type EngineMessage,
  encodeMessage,
  type GateMessage,
} from '../../engine/wire/envelope.ts';
import { encodeFrame, FrameDecoder } from '../../engine/wire/frame.ts';
import { recordsOf } from '../gate/uplink/fakes.ts';
import type { TlsWorld } from '../gate/uplink/worlds.ts';

export class RawGate {
  readonly socket: TLSSocket;
  readonly #decoder = new FrameDecoder();
  #ended = false;
  #error: Error | null = null;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#ended = true;
    });
    socket.on('data', (chunk: Uint8Array) => this.#decoder.push(chunk));
  }

  /** Connects with the files of an enrolled gate. */
  static async open(
    world: TlsWorld,
    dir: string,
    other: Partial<ConnectionOptions> = {},
  ): Promise<RawGate> {
    const socket = connect({
      host: '127.0.0.1',
      port: world.port,
      ca: await readFile(join(dir, 'ca.crt')),
      key: await readFile(join(dir, 'gate.key')),
      cert: await readFile(join(dir, 'gate.crt')),
      ...other,
    });
    await once(socket, 'secureConnect');
    return new RawGate(socket);
  }

  /** The same, and welcomed. */
  static async welcomed(world: TlsWorld, gateId: string): Promise<RawGate> {
    const gate = await RawGate.open(world, await world.enrol(gateId));
    gate.tell({ type: 'hello', protocol: 1, gateId, nextSequence: 1_000_000 });
    assert.equal((await gate.hear())?.type, 'welcome');
    return gate;
  }

  tell(message: GateMessage): void {
    this.socket.write(encodeFrame(encodeMessage(message)));
  }

  batch(first: number, debits: readonly Debit[]): void {
    const records = recordsOf(debits);
    this.tell({ type: 'batch', first, count: debits.length, records, status: null });
  }

  /** The next answer; null when the connection ends without one. */
  async hear(): Promise<EngineMessage | null> {
    for (;;) {
      const body = this.#decoder.next();
      if (body) return decodeEngineMessage(body);
      if (this.#ended) return null;
      await sleep(2);
    }
  }

  async refusal(): Promise<string> {
    const message = await this.hear();
    assert.equal(message?.type, 'refuse', `answered ${JSON.stringify(message)}, ${this.#error}`);
    assert.equal(await this.hear(), null, 'the connection ends after a refusal');
    return message.type === 'refuse' ? `${message.code}: ${message.message}` : '';
  }
}
