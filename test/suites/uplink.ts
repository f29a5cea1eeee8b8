/**
 * What every transport must let an uplink do: everything posted exactly once, in order, whatever
 * the link does. Runs over an engine in this process and over TLS; `Unreliable` sits in between.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaregateError } from '../../engine/errors.ts';
import { silentLog } from '../../engine/log/log.ts';
import type { Link, Transport } from '../../gate/uplink/transport.ts';
import { Uplink, type UplinkOptions } from '../../gate/uplink/uplink.ts';
import { MemoryJournal, type MemoryLedger, statusOf } from '../gate/uplink/fakes.ts';

/** An engine and the ways to it. */
export interface World {
  readonly ledger: MemoryLedger;
  /** The way to the engine for a gate; its gate is enrolled. */
  transport(gateId: string): Promise<Transport>;
  /** Ends the engine in the middle of its work and starts another on the same ledger. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Chances for each message, both ways. */
export interface Faults {
  readonly drop: number;
  readonly repeat: number;
  readonly swap: number;
  readonly cut: number;
}

/** mulberry32: small, seeded, good enough to choose faults. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A transport that loses, repeats and swaps messages, and cuts the connection. */
export class Unreliable implements Transport {
  readonly name: string;
  readonly #inner: Transport;
  readonly #random: () => number;
  readonly #faults: Faults;

  constructor(inner: Transport, random: () => number, faults: Faults) {
    this.name = `unreliable ${inner.name}`;
    this.#inner = inner;
    this.#random = random;
    this.#faults = faults;
  }

  async connect(signal: AbortSignal): Promise<Link> {
    const link = await this.#inner.connect(signal);
    const there = new Disturbance(this.#random, this.#faults, () => link.close());
    const back = new Disturbance(this.#random, this.#faults, () => link.close());
    const arrived: Uint8Array[] = [];
    return {
      send: async (message) => {
        for (const one of there.pass(message)) await link.send(one);
      },
      receive: async () => {
        while (arrived.length === 0) {
          const message = await link.receive();
          if (message === null) return null;
          arrived.push(...back.pass(message));
        }
        return arrived.shift()!;
      },
      close: () => link.close(),
    };
  }
}

/** What becomes of the messages of one direction. */
class Disturbance {
  readonly #random: () => number;
  readonly #faults: Faults;
  readonly #cut: () => void;
  #heldBack: Uint8Array | null = null;

  constructor(random: () => number, faults: Faults, cut: () => void) {
    this.#random = random;
    this.#faults = faults;
    this.#cut = cut;
  }

  /** What arrives now: nothing, the message, twice the message, or one held back behind it. */
  pass(message: Uint8Array): Uint8Array[] {
    const { drop, repeat, swap, cut } = this.#faults;
    const chance = this.#random();
    if (chance < drop) return [];
    if (chance < drop + repeat) return [message, message];
    if (chance < drop + repeat + swap && this.#heldBack === null) {
      this.#heldBack = message;
      return [];
    }
    if (chance < drop + repeat + swap + cut) this.#cut();
    const behind = this.#heldBack;
    this.#heldBack = null;
    return behind ? [message, behind] : [message];
  }
}

/** How long an answer may take where messages are lost; elsewhere none comes late. */
const LOSSY_ANSWER_MS = 150;
const timing = { batchRecords: 7, pollMs: 5, pauseMinMs: 1, pauseMaxMs: 10 };

export function uplinkSuite(name: string, newWorld: () => Promise<World>): void {
  const uplinkOf = (
    transport: Transport,
    journal: MemoryJournal,
    random: () => number,
    other: Partial<UplinkOptions> = {},
  ): Uplink =>
    new Uplink({
      gateId: journal.gateId,
      transport,
      journal,
      random,
      status: () => statusOf(journal.gateId, { backlog: journal.backlog }),
      log: silentLog,
      onFailure: (error) => {
        throw error;
      },
      timing,
      ...other,
    });

  const inWorld = (title: string, run: (world: World) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      const world = await newWorld();
      try {
        await run(world);
      } finally {
        await world.close();
      }
    });
  };

  inWorld('a backlog arrives once and in order, and what comes later too', async (world) => {
    const journal = new MemoryJournal('G01', 100);
    const uplink = uplinkOf(await world.transport('G01'), journal, seeded(1));
    uplink.start();
    await uplink.drained();
    journal.add(5);
    uplink.wake();
    await uplink.drained();
    await uplink.stop();
    assert.equal(journal.acknowledged, 105);
    assert.deepEqual(world.ledger.order, sequences('G01', 105));
    assert.equal(uplink.connected, false);
  });

  inWorld('an empty journal is drained at once, connected or not', async (world) => {
    const uplink = uplinkOf(await world.transport('G01'), new MemoryJournal('G01', 0), seeded(1));
    await uplink.drained();
    await uplink.stop();
    assert.equal(world.ledger.posts, 0);
  });

  inWorld('cuts, losses and repeats post everything once and in order', async (world) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`# SEED=${seed}`);
    const random = seeded(seed);
    const faults = { drop: 0.03, repeat: 0.1, swap: 0.05, cut: 0.1 };
    const journals = ['G01', 'G02', 'G03'].map((id) => new MemoryJournal(id, 200));
    const uplinks: Uplink[] = [];
    for (const journal of journals) {
      const transport = await world.transport(journal.gateId);
      const lossy = { timing: { ...timing, answerMs: LOSSY_ANSWER_MS } };
      uplinks.push(uplinkOf(new Unreliable(transport, random, faults), journal, random, lossy));
    }
    for (const uplink of uplinks) uplink.start();
    for (let i = 0; i < 10; i++) {
      await sleep(5);
      for (const journal of journals) journal.add(10);
    }
    await Promise.all(uplinks.map((uplink) => uplink.drained()));
    await Promise.all(uplinks.map((uplink) => uplink.stop()));
    for (const journal of journals) {
      const mine = world.ledger.order.filter((id) => id.startsWith(journal.gateId));
      assert.deepEqual(mine, sequences(journal.gateId, 300));
      assert.equal(journal.acknowledged, 300);
    }
  });

  inWorld('an engine restarted in the middle is found again', async (world) => {
    const journal = new MemoryJournal('G01', 300);
    world.ledger.before = () => sleep(2);
    const uplink = uplinkOf(await world.transport('G01'), journal, seeded(2));
    uplink.start();
    for (let i = 0; i < 3; i++) {
      await sleep(20);
      await world.restart();
    }
    world.ledger.before = () => Promise.resolve();
    await uplink.drained();
    await uplink.stop();
    assert.deepEqual(world.ledger.order, sequences('G01', 300));
  });

  inWorld('a ledger that fails once is asked again', async (world) => {
    const journal = new MemoryJournal('G01', 30);
    let failures = 0;
    world.ledger.before = async () => {
      if (failures++ < 2) throw new FaregateError('STORE_FAILED', 'the disk is gone');
    };
    const uplink = uplinkOf(await world.transport('G01'), journal, seeded(3));
    uplink.start();
    await uplink.drained();
    await uplink.stop();
    assert.deepEqual(world.ledger.order, sequences('G01', 30));
  });

  inWorld('a journal that begins again below what is held is refused', async (world) => {
    const first = new MemoryJournal('G01', 20);
    const transport = await world.transport('G01');
    const before = uplinkOf(transport, first, seeded(4));
    before.start();
    await before.drained();
    await before.stop();
    const lost = new MemoryJournal('G01', 3);
    const uplink = uplinkOf(transport, lost, seeded(5));
    uplink.start();
    while (uplink.lastError === null) await sleep(5);
    await uplink.stop();
    assert.equal(uplink.lastError?.code, 'GATE_REFUSED');
    assert.match(uplink.lastError?.message ?? '', /journal was lost/);
    assert.equal(lost.acknowledged, 0);
    assert.equal(world.ledger.order.length, 20);
  });

  inWorld('a journal that fails ends the uplink and says why', async (world) => {
    const journal = new MemoryJournal('G01', 20);
    const broken = new FaregateError('DISK_FAILED', 'read of segment 1');
    journal.read = () => Promise.reject(broken);
    const told = new Promise<unknown>((resolve) => {
      void world.transport('G01').then((transport) => {
        uplinkOf(transport, journal, seeded(6), { onFailure: resolve }).start();
      });
    });
    assert.equal(await told, broken);
  });
}

function sequences(gateId: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${gateId}:${i + 1}`);
}
