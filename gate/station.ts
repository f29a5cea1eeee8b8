/**
 * Many gates in one process: a station (or a bus with several validators). The gates share the key
 * ring and cards' keys, the fares, the denylist and the unconfirmed debits; each has its own
 * reader, journal, certificate and sequence.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { CardKeyRef } from '../engine/card/dialogue.ts';
import { GateBuffers } from '../engine/card/purse/command-buffers.ts';
import { AesKeyring } from '../engine/crypto/aes-keyring.ts';
import type { Keyring } from '../engine/crypto/keyring.ts';
import { UPLINK_HANDSHAKES_MAX, UPLINK_READS_MAX, UPLINKS_AT_ONCE_MAX } from '../engine/limits.ts';
import type { Log } from '../engine/log/log.ts';
import { readHexKey } from '../engine/operator/hex-key.ts';
import { RecentTaps } from '../engine/tap/recent-taps.ts';
import type { TapSetting } from '../engine/tap/setting.ts';
import type { Zone } from '../engine/time.ts';
import type { GateStatus } from '../engine/wire/gate-status.ts';
import { type Barrier, CountingBarrier } from './barrier/barrier.ts';
import { type Clock, systemClock } from './clock.ts';
import { ClockWatch } from './clock-watch.ts';
import { Gate, type TapReport } from './controller.ts';
import { GateInForce } from './in-force.ts';
import { type JournalOptions, openJournal } from './journal/journal.ts';
import type { Journal } from './journal/port.ts';
import { StationDisks } from './journal/shared/station-disks.ts';
import { standsOpen, tellGates } from './mode-news.ts';
import { ModesInForce } from './modes.ts';
import type { Reader } from './reader/reader.ts';
import type { AesKeyHolder } from './sam/aes-holder.ts';
import type { KeyHolder } from './sam/key-holder.ts';
import { KeyringHolder } from './sam/keyring-holder.ts';
import { StationKeys } from './sam/station-keys.ts';
import { ShiftJournal, type ShiftOptions } from './shift/shift-journal.ts';
import { completeBank, type PlannedBank, UnpredictableNumbers } from './station-bank.ts';
import { completeDesfire, type PlannedDesfire, StationDesfire } from './station-desfire.ts';
import { StationMemory } from './station-memory.ts';
import { StationWatch } from './station-watch.ts';
import { UnconfirmedDebits } from './unconfirmed.ts';
import { UnconfirmedFile } from './unconfirmed-file.ts';
import type { Downloads } from './uplink/downloads.ts';
import { TransportInTurns } from './uplink/handshakes.ts';
import { UplinkThread } from './uplink/thread/uplink-thread.ts';
import { readBundle, type TlsOptions, TlsTransport } from './uplink/tls.ts';
import type { Transport } from './uplink/transport.ts';
import { StationTurns, type Turns } from './uplink/turns.ts';
import { Uplink } from './uplink/uplink.ts';

/** What the station adds to a gate's plan. */
type StationsOwn =
  | 'findUnconfirmed'
  | 'prepareKey'
  | 'buffers'
  | 'modes'
  | 'inForce'
  | 'desfire'
  | 'bank';

/** `parametersVersion`: of the set it comes from, 0 or absent for none. */
export type PlannedSetting = Omit<TapSetting, StationsOwn> & {
  readonly desfire?: PlannedDesfire;
  readonly bank?: PlannedBank;
  readonly parametersVersion?: number;
};

/** One gate of the station. */
export interface GatePlan {
  readonly gateId: string;
  /** Name of the station, for status and dashboard. */
  readonly station: string;
  readonly reader: Reader;
  /** Folder with what enrolment gave the gate: certificate, keys. */
  readonly bundleDir: string;
  readonly journalDir: string;
  /** Setting of this gate, without what the station adds; or what answers it, asked before taps. */
  readonly setting: PlannedSetting | (() => PlannedSetting);
  readonly barrier?: Barrier;
  /** Who holds the purchase keys, where the station's key ring does not: a SAM. */
  readonly keys?: KeyHolder;
  /** The SAM's slot, closed with the station. */
  readonly slot?: Reader;
  readonly onTap?: (report: TapReport) => void;
}

export interface StationOptions {
  readonly engine: { readonly host: string; readonly port: number };
  readonly keyring: Keyring;
  /** Masters of AES cards that gates may hold; absent: none. */
  readonly aesKeyring?: AesKeyring;
  readonly log: Log;
  readonly clock?: Clock;
  readonly journalSegmentBytes?: number;
  readonly journalSegments?: number;
  /** Parameter sets, fetched by whichever uplink is connected. */
  readonly parameters?: {
    readonly downloads: Downloads | undefined;
    readonly status: GateStatus['parameters'] | undefined;
  };
  /**
   * Folder of one log for the journals of all gates, so that they share their syncs; without it
   * each gate syncs for itself. Once used it is needed, until the station has ended in order.
   */
  readonly sharedLogDir?: string;
  /** Modes and their history; absent: normal at first, and kept nowhere. */
  readonly modes?: ModesInForce;
  /** Where the uplinks do their TLS; `loop` where absent. */
  readonly uplinks?: Uplinks;
}

/** On the event loop of the taps, or on one thread for all gates. */
export type Uplinks = 'loop' | 'thread';

interface StationGate {
  readonly gate: Gate;
  readonly barrier: Barrier;
  readonly shifts: ShiftJournal;
  readonly zone: Zone;
  readonly kept: UnconfirmedFile;
  readonly journal: Journal;
  /** Its card reader, and its SAM's slot. */
  readonly readers: readonly Reader[];
  readonly uplink: Uplink;
}

export class Station {
  readonly unconfirmed: UnconfirmedDebits;
  readonly keys: StationKeys;
  readonly desfire: StationDesfire;
  /** Bank cards that tapped here last. */
  readonly recent: RecentTaps = new RecentTaps();
  readonly modes: ModesInForce;
  readonly clockWatch: ClockWatch;
  readonly #watch: StationWatch;
  /** In the folder of the gate that is added first. */
  readonly #memory: StationMemory;
  readonly #options: StationOptions;
  readonly #gates: StationGate[] = [];
  readonly #turns: Turns;
  readonly #reads = new StationTurns(UPLINK_READS_MAX);
  readonly #handshakes = new StationTurns(UPLINK_HANDSHAKES_MAX);
  readonly #uplinkThread: UplinkThread | null;
  readonly #disks: StationDisks;
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #serving = false;

  constructor(options: StationOptions) {
    this.#options = options;
    this.unconfirmed = new UnconfirmedDebits(options.clock ?? systemClock);
    this.keys = new StationKeys(options.keyring);
    this.#memory = new StationMemory(this.keys, options.log);
    this.desfire = new StationDesfire(options.aesKeyring ?? new AesKeyring([]));
    this.modes = options.modes ?? new ModesInForce(options.clock ?? systemClock, null, null);
    const clock = options.clock ?? systemClock;
    this.clockWatch = new ClockWatch(clock);
    this.#watch = new StationWatch({
      clock,
      clockWatch: this.clockWatch,
      gates: () => this.#gates,
      failed: (error) => this.#fail(error),
    });
    this.modes.onChange((change) => tellGates(this.#gates, change, (error) => this.#fail(error)));
    this.#turns = new StationTurns(UPLINKS_AT_ONCE_MAX);
    this.#uplinkThread = options.uplinks === 'thread' ? new UplinkThread() : null;
    this.#disks = new StationDisks({
      sharedLogDir: options.sharedLogDir ?? null,
      failed: (error) => this.#fail(error),
    });
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever awaits `serve` sees it; until then it must not end the process.
    this.#failed.catch(() => {});
  }

  get gates(): readonly Gate[] {
    return this.#gates.map((each) => each.gate);
  }

  /** Records closed and not yet acknowledged, over all gates. */
  get backlog(): number {
    return this.#gates.reduce((sum, each) => sum + each.journal.backlog, 0);
  }

  /** Opens a gate's journal and uplink. @throws FaregateError naming what is wrong with which. */
  async add(plan: GatePlan): Promise<Gate> {
    const { clock = systemClock, log, engine, parameters } = this.#options;
    const downloads = parameters?.downloads;
    const { gateId } = plan;
    const bundle = await readBundle(plan.bundleDir);
    const storage = {
      disk: await this.#disks.open(plan.journalDir),
      gateId,
      key: await readJournalKey(plan.bundleDir),
      random: (length: number) => new Uint8Array(randomBytes(length)),
      failed: (error: unknown) => this.#fail(error),
    };
    const kept = await UnconfirmedFile.open(storage);
    if (kept.damaged) log.warn({ gate: gateId }, 'the list of unconfirmed debits is damaged');
    this.unconfirmed.attach(gateId, kept, kept.found);
    const planned = plan.setting;
    const source = typeof planned === 'function' ? planned : () => planned;
    await this.#memory.open(storage, source().bank?.issuers ?? null);
    const shifts = await this.#openJournal(storage);
    const journal: Journal = shifts;
    this.modes.serve(source().place.station);
    const keys = plan.keys ?? new KeyringHolder(this.keys);
    const aesKeys = this.desfire.holder();
    const added = {
      findUnconfirmed: (cardNumber: Uint8Array) => this.unconfirmed.find(cardNumber),
      prepareKey: (key: CardKeyRef) => keys.prepare(key),
    };
    const barrier: Barrier = plan.barrier ?? new CountingBarrier();
    if (standsOpen(this.modes.mode)) barrier.stand?.(true);
    const gate = new Gate({
      gateId,
      station: plan.station,
      setting: this.#completed(source, added, aesKeys),
      reader: plan.reader,
      keys,
      aesKeys,
      journal,
      shifts,
      barrier,
      unconfirmed: this.unconfirmed,
      clock,
      ...(plan.onTap ? { onTap: plan.onTap } : {}),
    });
    const uplink = new Uplink({
      gateId,
      transport: this.#transport({ ...engine, bundle }),
      journal,
      status: () => this.#statusOf(gate, shifts),
      log,
      random: Math.random,
      onFailure: (error) => this.#fail(error),
      turns: this.#turns,
      reads: this.#reads,
      ...(downloads ? { downloads } : {}),
      onCompared: (skewMs, roundTripMs) => this.clockWatch.compared(skewMs, roundTripMs),
    });
    const readers = plan.slot ? [plan.reader, plan.slot] : [plan.reader];
    const { zone } = source();
    this.#gates.push({ gate, barrier, kept, journal, shifts, zone, readers, uplink });
    return gate;
  }

  async #openJournal(
    storage: JournalOptions & Pick<ShiftOptions, 'failed'>,
  ): Promise<ShiftJournal> {
    const { clock = systemClock, journalSegments, journalSegmentBytes } = this.#options;
    const journal = await openJournal({
      ...storage,
      ...(journalSegments ? { segments: journalSegments } : {}),
      ...(journalSegmentBytes ? { segmentBytes: journalSegmentBytes } : {}),
    });
    const { disk, failed } = storage;
    return ShiftJournal.open(journal, { disk, clock, failed });
  }

  /** What a gate tells of itself. */
  #statusOf(gate: Gate, shifts: ShiftJournal): GateStatus {
    const { shift, counts } = shifts.state;
    const tallies = [counts.confirmed, counts.unconfirmed, counts.void, counts.settlement];
    const parameters = this.#options.parameters?.status;
    return {
      ...gate.counts.status(shifts.backlog, this.unconfirmed.countOf(gate.gateId)),
      ...(parameters ? { parameters } : {}),
      now: {
        mode: this.modes.mode,
        clockQuality: this.clockWatch.quality,
        shift,
        shiftRecords: tallies.reduce((sum, { count }) => sum + count, 0),
        shiftAmountMinor: tallies.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
        underMode: gate.counts.peopleUnder(),
      },
    };
  }

  #transport(options: TlsOptions): Transport {
    if (this.#uplinkThread) return this.#uplinkThread.transport(options);
    return new TransportInTurns(new TlsTransport(options), this.#handshakes);
  }

  /** The planned setting with what the station adds, made anew only when the plan's has changed. */
  #completed(
    source: () => PlannedSetting,
    added: Pick<TapSetting, 'findUnconfirmed' | 'prepareKey'>,
    aesKeys: AesKeyHolder,
  ): () => TapSetting {
    const { modes, clockWatch } = this;
    const numbers = new UnpredictableNumbers();
    const complete = ({ desfire, bank, ...from }: PlannedSetting): TapSetting => ({
      ...from,
      ...added,
      ...(bank ? { bank: completeBank(bank, from.place, numbers, this.recent) } : {}),
      ...(desfire ? { desfire: completeDesfire(desfire, from.place, aesKeys) } : {}),
      buffers: new GateBuffers(from.place),
      modes,
      inForce: new GateInForce({
        denylist: from.denylist,
        modes,
        clockQuality: () => clockWatch.quality,
        parametersVersion: from.parametersVersion ?? 0,
      }),
    });
    let from = source();
    let setting = complete(from);
    return () => {
      const now = source();
      if (now !== from) {
        from = now;
        setting = complete(now);
      }
      return setting;
    };
  }

  /** Starts the uplinks. Gates open whether or not the engine is there. */
  start(): void {
    for (const { uplink } of this.#gates) uplink.start();
    this.#watch.start();
  }

  /**
   * Starts the uplinks; resolves when all are connected, or after `waitMs`: gates work offline too.
   */
  async connect(waitMs: number): Promise<void> {
    this.start();
    const untilMs = Date.now() + waitMs;
    while (Date.now() < untilMs && !this.#gates.every(({ uplink }) => uplink.connected)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Serves all gates until `stop`. @throws FaregateError when a journal or reader fails. */
  async serve(): Promise<void> {
    this.#serving = true;
    try {
      const serving = Promise.all(this.#gates.map(({ gate }) => gate.serve()));
      await Promise.race([serving, this.#failed]);
    } finally {
      this.#serving = false;
    }
  }

  /** Whether all gates take cards. */
  get serving(): boolean {
    return this.#serving;
  }

  /** Counts people whom a gate's barrier let through by itself; false without such a gate. */
  passed(gateId: string, people: number): boolean {
    const found = this.#gates.find(({ gate }) => gate.gateId === gateId);
    found?.gate.passed(people);
    return found !== undefined;
  }

  /** What each gate counts, and whether the engine hears of it. */
  statuses(): (GateStatus & { readonly connected: boolean })[] {
    return this.#gates.map(({ gate, shifts, uplink }) => ({
      ...this.#statusOf(gate, shifts),
      connected: uplink.connected,
    }));
  }

  /** Resolves when the engine has acknowledged everything in the journals. */
  async drained(): Promise<void> {
    const drained = Promise.all(this.#gates.map(({ uplink }) => uplink.drained()));
    await Promise.race([drained, this.#failed]);
  }

  /** Lets taps in hand finish, closes readers, uplinks and journals. */
  async stop(): Promise<void> {
    this.#watch.stop();
    await Promise.all(this.#gates.map(({ gate }) => gate.finish()));
    const readers = this.#gates.flatMap((gate) => gate.readers);
    await Promise.all(readers.map((reader) => reader.close()));
    await Promise.all(this.#gates.map(({ uplink }) => uplink.stop()));
    await this.#uplinkThread?.end();
    await this.#memory.end();
    await Promise.all(this.#gates.map(({ kept }) => kept.end()));
    await Promise.all(this.#gates.map(({ journal }) => journal.end()));
    await this.#disks.end();
  }
}

/** The 32 bytes that a gate's journal is sealed under, from its bundle. @throws FaregateError. */
export async function readJournalKey(bundleDir: string): Promise<Uint8Array> {
  return await readHexKey(join(bundleDir, 'journal.key'));
}
