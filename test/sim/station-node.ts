/**
 * One station of the simulation: production gates, journals and uplinks in one process that can be
 * killed and have its power cut, over simulated disks, readers and network.
 */
import type { CardKeyRef } from '../../engine/card/dialogue.ts';
import { GateBuffers } from '../../engine/card/purse/command-buffers.ts';
import { FaregateError } from '../../engine/errors.ts';
import { silentLog } from '../../engine/log/log.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import { RecentTaps } from '../../engine/tap/recent-taps.ts';
import type { Side } from '../../engine/tap/setting.ts';
import type { Zone } from '../../engine/time.ts';
import type { Clock } from '../../gate/clock.ts';
import { ClockWatch } from '../../gate/clock-watch.ts';
import { Gate } from '../../gate/controller.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import type { Journal } from '../../gate/journal/port.ts';
import type { PresentOptions } from '../../gate/reader/virtual/reader.ts';
import { AesCardKeys } from '../../gate/sam/aes-card-keys.ts';
import { KeyringHolder } from '../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../gate/sam/station-keys.ts';
import { ShiftJournal } from '../../gate/shift/shift-journal.ts';
import { StationWatch } from '../../gate/station-watch.ts';
import { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import { UnconfirmedFile } from '../../gate/unconfirmed-file.ts';
import { Uplink } from '../../gate/uplink/uplink.ts';
import { SimDisk } from '../sim-disk.ts';
import { plantInDisk, plantInJournal, plantInStation } from './canaries.ts';
import type { SimCard } from './cards.ts';
import type { SimCity } from './city.ts';
import type { EngineNode } from './engine-node.ts';
import type { Witness } from './invariants.ts';
import { type Hold, openSimReader } from './line-reader.ts';
import type { Network } from './network.ts';
import { openSimParameters, type Publisher, type SimParameters } from './parameters.ts';
import { RetiredGate } from './retired.ts';
import { type Scenario, uplinkTiming } from './scenario.ts';
import { SimProcess, type VirtualTime } from './virtual-time.ts';

const SEGMENT_BYTES = 16 * 1024;
const SEGMENTS_MAX = 24;
/** The disk of its parameter sets, beside those of its gates. */
const PARAMETERS = 'parameters';
/** Looks at clocks and shifts, in each shift. */
const LOOKS = 20;

/** What a gate is, whichever process runs it. */
export interface GateIdentity {
  readonly gateId: string;
  readonly number: number;
  readonly side: Side;
  readonly journalKey: Uint8Array;
}

interface RunningGate {
  /** Holds a card to its reader. */
  readonly hold: Hold;
  readonly journal: Journal;
  readonly gate: Gate;
  readonly uplink: Uplink;
  readonly shifts: ShiftJournal;
  readonly zone: Zone;
}

export interface StationParts {
  readonly time: VirtualTime;
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly city: SimCity;
  readonly engine: EngineNode;
  readonly network: Network;
  readonly publisher: Publisher | null;
  readonly witness: Witness;
}

export class StationNode {
  readonly index: number;
  readonly name: string;
  /** Those that were taken away. */
  readonly retired: RetiredGate[] = [];
  #gates: readonly GateIdentity[];
  readonly #parts: StationParts;
  readonly #clock: Clock;
  readonly #keys: StationKeys;
  readonly #aesCards: AesCardKeys;
  readonly #disks = new Map<string, SimDisk>();
  readonly #running = new Map<string, RunningGate>();
  /** What each gate showed its rider last. */
  readonly #shown = new Map<string, Decision>();
  /** Gates to which a card is held. */
  readonly #held = new Set<string>();
  #process: SimProcess | null = null;
  #parameters: SimParameters | null = null;
  #unconfirmed: UnconfirmedDebits;
  #recent = new RecentTaps();
  #skewMs = 0;
  #calm = false;
  #watch: StationWatch | null = null;
  /** Cuts the power at the next opening. */
  cutAtOpen = false;
  /** Cuts it after so many steps of its disks; 0: does not. */
  cutAtStep = 0;
  /** Happens when so many commands have gone to cards; 0: nothing does. */
  #commandsLeft = 0;
  #atCommand: () => void = () => {};

  constructor(index: number, gates: readonly GateIdentity[], parts: StationParts) {
    this.index = index;
    this.name = parts.city.stationNames[index]!;
    this.#gates = gates;
    this.#parts = parts;
    const { time } = parts;
    this.#clock = { nowMs: () => time.wallMs(), monotonicUs: () => time.nowUs };
    this.#unconfirmed = new UnconfirmedDebits(this.#clock);
    this.#keys = new StationKeys(parts.city.keyring, 8);
    this.#aesCards = new AesCardKeys(parts.city.aesKeyring, 8);
    for (const { gateId } of gates) this.#disks.set(gateId, this.#prepared(new SimDisk()));
    if (parts.publisher) this.#disks.set(PARAMETERS, this.#prepared(new SimDisk()));
  }

  get gates(): readonly GateIdentity[] {
    return this.#gates;
  }

  /**
   * Takes a gate away for good and puts `successor` in its place, which works from the next start.
   * Null where it cannot be now: it is in use, or a rider may come back for a debit of it.
   */
  replace(gateId: string, successor: GateIdentity): RetiredGate | null {
    const running = this.#running.get(gateId);
    const isBusy = this.#held.has(gateId) || this.#unconfirmed.countOf(gateId) > 0;
    if (!this.running || isBusy || !running || running.journal.open().length > 0) return null;
    const identity = this.#gates.find((gate) => gate.gateId === gateId)!;
    this.kill(false);
    const retired = new RetiredGate(identity, this.#disks.get(gateId)!, this.#parts);
    this.retired.push(retired);
    this.#disks.delete(gateId);
    this.#disks.set(successor.gateId, this.#prepared(new SimDisk()));
    this.#gates = this.#gates.map((gate) => (gate === identity ? successor : gate));
    return retired;
  }

  get running(): boolean {
    return this.#process?.alive === true && this.#running.size === this.gates.length;
  }

  /** Resolves when the process that was started last dies. */
  get death(): Promise<void> {
    return this.#process?.death ?? Promise.resolve();
  }

  /** Records not yet acknowledged; 0 only if the station runs. */
  get backlog(): number {
    if (!this.running) return Number.POSITIVE_INFINITY;
    let backlog = 0;
    for (const { journal } of this.#running.values()) {
      backlog += journal.backlog + journal.open().length;
    }
    return backlog;
  }

  /** Whether it works by the parameter set that ought to be in force. */
  get isUpToDate(): boolean {
    const { publisher, time } = this.#parts;
    if (!publisher) return true;
    return this.#parameters?.station.version === publisher.inForceAt(time.trueMs);
  }

  nextSequenceOf(gateId: string): number {
    return this.#running.get(gateId)!.journal.nextSequence;
  }

  /** The station's wall clock, less the true time. */
  setSkew(skewMs: number): void {
    this.#skewMs = skewMs;
    if (this.#process) this.#process.skewMs = skewMs;
  }

  get skewMs(): number {
    return this.#skewMs;
  }

  /** No faults of disks from here on. */
  calm(): void {
    this.#calm = true;
    this.cutAtOpen = false;
    // Else shifts that are closed one after another never leave the journals empty.
    this.#watch?.stop();
    this.cutAtStep = 0;
    this.#commandsLeft = 0;
  }

  /** Lets `deed` happen before one of the next commands to a card, between two of a tap. */
  inTap(commands: number, deed: () => void): void {
    this.#commandsLeft = commands;
    this.#atCommand = deed;
  }

  async start(): Promise<void> {
    if (this.#process?.alive) return;
    const { scenario } = this.#parts;
    const process = new SimProcess(this.name);
    process.skewMs = this.#skewMs;
    this.#process = process;
    this.#running.clear();
    this.#unconfirmed = plantInStation(scenario.canary, new UnconfirmedDebits(this.#clock));
    this.#recent = new RecentTaps();
    const opening = this.#parts.time.within(process, async () => {
      this.#parameters = await this.#openParameters();
      for (const identity of this.gates) {
        try {
          await this.#open(process, identity);
        } catch (error) {
          this.#failed(process, error);
        }
        if (!process.alive) return;
      }
      this.#startWatch(process);
    });
    // A process that dies on the way never comes to the end of it.
    await Promise.race([opening, process.death]);
  }

  /** Ends the process; with `power` cut, what was not synced may be gone. */
  kill(power: boolean): void {
    if (!this.#process?.alive) return;
    this.#process.kill();
    const { chance } = this.#parts;
    for (const [gateId, disk] of this.#disks) {
      const choose = (options: number): number => chance.below(options);
      this.#disks.set(gateId, this.#prepared(power ? disk.crash(choose) : disk.kill(choose)));
    }
    this.#running.clear();
  }

  /** Holds a card to a gate; null where the gate died before it had decided. */
  async tap(gateId: string, card: SimCard, options: PresentOptions): Promise<Decision | null> {
    const running = this.#running.get(gateId);
    const process = this.#process;
    if (!running || !process?.alive) return null;
    this.#shown.delete(gateId);
    card.onCommand = () => this.#onCommand();
    this.#held.add(gateId);
    await Promise.race([running.hold(card.virtual, options), process.death]);
    this.#held.delete(gateId);
    card.virtual.power();
    return this.#shown.get(gateId) ?? null;
  }

  async #openParameters(): Promise<SimParameters | null> {
    const { publisher } = this.#parts;
    if (!publisher) return null;
    const disk = this.#disks.get(PARAMETERS)!;
    const gateIds = this.gates.map(({ gateId }) => gateId);
    return openSimParameters({ ...this.#parts, publisher, disk, gateIds, name: this.name });
  }

  #onCommand(): void {
    if (this.#commandsLeft === 0) return;
    this.#commandsLeft -= 1;
    if (this.#commandsLeft === 0) this.#parts.time.within(undefined, this.#atCommand);
  }

  async #open(process: SimProcess, identity: GateIdentity): Promise<void> {
    const { time, scenario, chance, city, engine, network } = this.#parts;
    const { gateId, number, side, journalKey } = identity;
    const storage = {
      disk: this.#disks.get(gateId)!,
      gateId,
      key: journalKey,
      random: (length: number) => chance.bytes(length),
      failed: (error: unknown) => this.#failed(process, error),
    };
    const kept = await UnconfirmedFile.open(storage);
    this.#unconfirmed.attach(gateId, kept, kept.found);
    const sizes = { segments: SEGMENTS_MAX, segmentBytes: SEGMENT_BYTES };
    const opened = await openJournal({ ...storage, ...sizes });
    if (!process.alive) return;
    const { disk, failed } = storage;
    const shifts = await ShiftJournal.open(opened, { disk, clock: this.#clock, failed });
    if (!process.alive) return;
    const journal: Journal = shifts;
    const isCalm = (): boolean => this.#calm;
    const air = { name: gateId, time, scenario, chance, process, isCalm };
    const { reader, hold } = await openSimReader(air);
    if (!process.alive) return;
    const keys = new KeyringHolder(this.#keys);
    const unconfirmed = this.#unconfirmed;
    // Read at the start, like the bundle's other files.
    const certificate = engine.certificateOf(gateId);
    const parameters = this.#parameters;
    const fixed = city.setting(gateId, number, this.index, side);
    const buffers = new GateBuffers(fixed.place);
    const own = { aesCards: this.#aesCards, recent: this.#recent, random: storage.random };
    const { aesKeys, ...accepted } = city.accepted(identity, fixed.place, own);
    const show = (decision: Decision): void => this.#show(process, gateId, decision);
    const gate = new Gate({
      gateId,
      station: this.name,
      setting: () => ({
        ...fixed,
        buffers,
        ...accepted,
        fares: parameters?.fares() ?? city.fares,
        denylist: city.denylist,
        findUnconfirmed: (cardNumber) =>
          scenario.canary === 'forgetUnconfirmed' ? null : unconfirmed.find(cardNumber),
        prepareKey: (key: CardKeyRef) => keys.prepare(key),
      }),
      reader,
      keys,
      aesKeys,
      journal: plantInJournal(scenario.canary, journal, show),
      barrier: { show },
      unconfirmed,
      clock: this.#clock,
      shifts,
    });
    const uplink = new Uplink({
      gateId,
      transport: network.transport(this.name, gateId, () => certificate, process),
      journal,
      status: () => gate.counts.status(journal.backlog, unconfirmed.countOf(gateId)),
      log: silentLog,
      random: () => chance.fraction(),
      onFailure: (error) => this.#failed(process, error),
      ...(parameters ? { downloads: parameters.station.downloads } : {}),
      timing: uplinkTiming(scenario),
    });
    const { zone } = fixed;
    this.#running.set(gateId, { hold, journal, gate, uplink, shifts, zone });
    uplink.start();
    gate.serve().catch((error: unknown) => this.#failed(process, error));
  }

  #startWatch(process: SimProcess): void {
    if (this.#calm) return;
    const { shiftMs } = this.#parts.scenario;
    this.#watch = new StationWatch({
      clock: this.#clock,
      clockWatch: new ClockWatch(this.#clock),
      gates: () => this.#running.values(),
      dayOf: (_zone, instantMs) => Math.floor(instantMs / shiftMs),
      lookMs: shiftMs / LOOKS,
      failed: (error) => this.#failed(process, error),
    });
    this.#watch.start();
  }

  /** A gate's program stops on a failed disk and is started again by its supervisor. */
  #failed(process: SimProcess, error: unknown): void {
    if (!process.alive) return;
    const code = error instanceof FaregateError ? error.code : null;
    if (code === 'DISK_FAILED' || code === 'DISK_FULL') this.kill(false);
    else this.#parts.witness.broken(`${this.name} failed: ${(error as Error)?.stack ?? error}`);
  }

  #show(process: SimProcess, gateId: string, decision: Decision): void {
    if (!process.alive) return;
    this.#shown.set(gateId, decision);
    if (!decision.open) return;
    this.#parts.witness.gateOpened(gateId, decision, process);
    if (!this.cutAtOpen) return;
    this.cutAtOpen = false;
    this.kill(true);
  }

  #prepared(disk: SimDisk): SimDisk {
    const { time, scenario, chance } = this.#parts;
    disk.hooks.before = async (operation) => {
      if (scenario.faults.has('diskFull') && operation === 'preallocate' && !this.#calm) {
        if (chance.happens(0.3)) throw new FaregateError('DISK_FULL', 'no space for a file');
      }
      const slow = scenario.faults.has('diskSlow') && !this.#calm && chance.happens(0.02);
      await time.sleep(slow ? chance.fraction() * 2000 : 0.05 + chance.fraction() * 0.2);
    };
    disk.hooks.after = () => {
      if (this.cutAtStep === 0) return;
      this.cutAtStep -= 1;
      if (this.cutAtStep === 0) this.kill(true);
    };
    return plantInDisk(scenario.canary, disk);
  }
}
