/**
 * One gate: reader -> tap -> journal -> barrier. Takes the cards as they come, drives each tap, and
 * keeps what the tap leaves behind.
 */
import { writeU16, writeU32 } from '../engine/bytes.ts';
import type { KernelOutcome } from '../engine/card/qpboc/kernel.ts';
import { at, decodeDebit, encodeDebit } from '../engine/debit/codec.ts';
import { decodeEvent, encodeEvent, isEvent } from '../engine/debit/event.ts';
import {
  DEBIT_BYTES,
  type Debit,
  DebitKind,
  DebitState,
  ECASH_TRANSACTION,
  Evidence,
  NOTHING_IN_FORCE,
  OPEN_LOOP_TRANSACTION,
  TapKind,
} from '../engine/debit/record.ts';
import { BANK_TAP_DEADLINE_MS, KERNEL_LOOK_MS, TAP_DEADLINE_MS } from '../engine/durations.ts';
import { FaregateError } from '../engine/errors.ts';
import { invariant } from '../engine/invariant.ts';
import { type Decision, refuse, type TapRun } from '../engine/tap/decision.ts';
import { kernelLate } from '../engine/tap/kernel-late.ts';
import { paidBy } from '../engine/tap/kernel-tap.ts';
import { Mode, NORMAL } from '../engine/tap/modes.ts';
import type { TapSetting } from '../engine/tap/setting.ts';
import { tap } from '../engine/tap/tap.ts';
import type { Barrier } from './barrier/barrier.ts';
import { signals } from './barrier/signals.ts';
import type { Clock } from './clock.ts';
import { type DriverParts, type Stage, TapDriver } from './driver.ts';
import { EventLog, type WaitingEvent } from './event-log.ts';
import type { Journal } from './journal/port.ts';
import { kernelOffer, settingAtKernel } from './kernel-offer.ts';
import type { CardSession, KernelSession, Reader } from './reader/reader.ts';
import type { AesKeyHolder } from './sam/aes-holder.ts';
import type { KeyHolder } from './sam/key-holder.ts';
import type { ShiftJournal } from './shift/shift-journal.ts';
import { TapCounts } from './tap-counts.ts';
import type { UnconfirmedDebits } from './unconfirmed.ts';

/** What one tap left: its decision, and where the time went. */
export interface TapReport {
  readonly decision: Decision;
  readonly stages: readonly Stage[];
  readonly instantMs: number;
  readonly tapUs: number;
  readonly hostUs: number;
  /** Taken as a bank card, whose promise is another. */
  readonly isBank: boolean;
}

export interface GateParts {
  readonly gateId: string;
  readonly station: string;
  /** The setting in force; asked once per tap, so that a new one takes effect between two taps. */
  readonly setting: () => TapSetting;
  readonly reader: Reader;
  readonly keys: KeyHolder;
  /** Where the gate takes AES cards. */
  readonly aesKeys?: AesKeyHolder;
  readonly journal: Journal;
  readonly barrier: Barrier;
  readonly unconfirmed: UnconfirmedDebits;
  readonly clock: Clock;
  /** Of taps of every family; absent: 300 ms, and 500 ms of bank cards. */
  readonly deadlineMs?: number;
  /** The journal again, where it counts shifts: told of what leaves no record. */
  readonly shifts?: Pick<ShiftJournal, 'tapped' | 'passed'>;
  /** Keep commands and answers in the reports (they hold card numbers). */
  readonly keepBytes?: boolean;
  readonly onTap?: (report: TapReport) => void;
}

export class Gate {
  readonly gateId: string;
  readonly counts: TapCounts;
  readonly #parts: GateParts;
  readonly #driverParts: DriverParts;
  #inHand: Promise<TapReport> | null = null;
  #finishing = false;
  #tapping = false;
  readonly #events: EventLog;
  /** The final record being laid out; the journal copies it. */
  readonly #record = new Uint8Array(DEBIT_BYTES);

  constructor(parts: GateParts) {
    this.#parts = parts;
    const { keys, aesKeys = null, journal, clock, unconfirmed } = parts;
    const begin = (debit: Debit): void => unconfirmed.begin(debit);
    const { keepBytes = false } = parts;
    const deadlineMs = parts.deadlineMs ?? TAP_DEADLINE_MS;
    const bankDeadlineMs = parts.deadlineMs ?? BANK_TAP_DEADLINE_MS;
    const times = { deadlineMs, bankDeadlineMs };
    this.#driverParts = { keys, aesKeys, journal, clock, begin, ...times, keepBytes };
    this.gateId = parts.gateId;
    this.counts = new TapCounts(parts.gateId, parts.station, parts.clock.nowMs());
    this.#events = new EventLog({ gateId: parts.gateId, journal: parts.journal, isFull });
    this.#takeOver();
  }

  /**
   * What a crash cut off: an intent without an end becomes an unconfirmed debit; a settlement says
   * the same with or without its end. Evidence is closed before its debit, as in a tap.
   */
  #takeOver(): void {
    const { journal } = this.#parts;
    const open = journal.open();
    for (const record of open) if (isEvent(record, 0)) journal.close(record);
    for (const [i, record] of open.entries()) {
      if (isEvent(record, 0)) continue;
      const debit = decodeDebit(record, 0);
      if (debit.state !== DebitState.intended) void this.#closeSettlement(debit);
      else if (debit.transactionType === OPEN_LOOP_TRANSACTION) {
        const behind = open[i + 1];
        const isBorneOut = behind !== undefined && isBehind(behind, debit);
        this.#close(endOfOpenLoop(debit, isBorneOut, journal.nextSequence), 0, 0);
      } else if (
        this.#parts.reader.offer &&
        debit.transactionType === ECASH_TRANSACTION &&
        journal.nextSequence === debit.gateSequence + 1
      ) {
        // Its evidence was not written: the kernel tells it again, and it is recorded whole.
        this.#close({ ...debit, state: DebitState.void, evidence: Evidence.notSent }, 0, 0);
      } else void this.#keepAside({ ...debit, state: DebitState.unconfirmed }, 0, 0);
    }
  }

  /** Serves cards until the reader closes. @throws FaregateError when journal or reader fail. */
  async serve(): Promise<void> {
    const { reader } = this.#parts;
    const offering = reader.offer ? setInterval(() => this.#offer(), KERNEL_LOOK_MS) : undefined;
    try {
      this.#offer();
      for await (const card of reader.cards()) {
        if (this.#finishing) return;
        this.#inHand = this.tap(card);
        await this.#inHand;
        this.#inHand = null;
        await card.release();
      }
    } finally {
      clearInterval(offering);
    }
  }

  /** Tells a kernel what the next card is to pay, as it stands now. */
  #offer(): void {
    const { reader, setting, clock } = this.#parts;
    if (!reader.offer) return;
    reader.offer(this.#finishing ? null : kernelOffer(setting(), clock.nowMs(), this.#hasRoom()));
  }

  /** Takes no further card; resolves when the tap in hand is over. Never rejects. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#offer();
    await this.#inHand?.catch(() => undefined);
    await this.#events.settled();
  }

  /**
   * Has an event written into the journal, as soon as no tap is in hand and there is room.
   * @throws FaregateError when the journal failed.
   */
  note(event: WaitingEvent): void {
    this.#events.add(event);
    if (!this.#tapping) this.#writeEvents();
  }

  /** Writes events that waited. @throws FaregateError when the journal failed. */
  look(): void {
    if (!this.#tapping) this.#writeEvents();
  }

  /** People who went through a gate that stands open, as its barrier counts them. */
  passed(people: number): void {
    this.counts.passed(people, this.#mode());
    this.#parts.shifts?.passed(people, this.#mode());
  }

  /** One tap with the rules of this gate. */
  tap(card: CardSession): Promise<TapReport> {
    const { journal, clock } = this.#parts;
    const { kernel } = card;
    const instantMs = clock.nowMs();
    if (kernel?.isLate) return this.#tapLate(card, instantMs, kernel);
    const own = this.#parts.setting();
    const setting = kernel ? settingAtKernel(own, kernel) : own;
    return this.drive(card, instantMs, tap(setting, instantMs, journal.nextSequence, card.uid));
  }

  async #tapLate(card: CardSession, instantMs: number, kernel: KernelSession): Promise<TapReport> {
    const outcome = await kernel.outcome();
    invariant(outcome !== null, 'a late outcome is there');
    const { setting, journal } = this.#parts;
    const dialogue = kernelLate(setting(), instantMs, journal.nextSequence, outcome);
    return this.drive(card, instantMs, dialogue);
  }

  /** One tap by any dialogue. A journal that cannot take an intent keeps the gate closed. */
  async drive(card: CardSession, instantMs: number, dialogue: TapRun): Promise<TapReport> {
    this.#tapping = true;
    try {
      return await this.#drive(card, instantMs, dialogue);
    } finally {
      this.#tapping = false;
      this.#writeEvents();
    }
  }

  async #drive(card: CardSession, instantMs: number, dialogue: TapRun): Promise<TapReport> {
    const { barrier, journal, unconfirmed, onTap } = this.#parts;
    const mode = this.#mode();
    const driver = new TapDriver(this.#driverParts, card);
    const decided = this.#closedFor(mode) ?? (await driver.run(dialogue));
    const kept = this.#over(driver.begun, decided);
    // Its failure is told where it is waited for, which other waits come before.
    kept?.catch(() => undefined);
    // A debit's intent is durable by now: DEBIT waited for it. Only a settlement may still be on
    // its way to the disk, and it speaks of a debit whose intent has long been there.
    const { kernel } = card;
    if (!kernel?.isLate) {
      barrier.show(decided);
      const { open, reason } = decided;
      kernel?.show({ open, reason, ...signals[reason] });
    }
    const tapUs = driver.elapsedUs();
    const { hostUs, isBank } = driver;
    const decision = withoutRefused(decided, await driver.refusedBy(isFull));
    const { evidence } = decision;
    if (evidence) {
      // Before its debit, so that none is ever confirmed without.
      encodeEvent(evidence, this.#record, 0);
      journal.close(this.#record);
    }
    // While this tap's own debit is open: a gate that is killed here takes that for unconfirmed.
    if (decision.settled) await unconfirmed.settle(decision.settled);
    for (const debit of decision.closed) {
      if (debit === decision.unconfirmed) await (kept ?? unconfirmed.add(debit));
      this.#close(debit, tapUs, hostUs);
    }
    kernel?.settle(isDealtWith(kernel, driver.outcome, decision));
    const report = { decision, stages: driver.stages, instantMs, tapUs, hostUs, isBank };
    this.counts.add(report, mode);
    this.#parts.shifts?.tapped(decision, mode);
    onTap?.(report);
    return report;
  }

  /**
   * The station's other gates find a debit whose end is not known at once, whatever the disk has
   * still to do for this tap; resolves when they will after a crash too.
   */
  #over(begun: Debit | null, { unconfirmed }: Decision): Promise<void> | null {
    if (begun === null) return null;
    if (unconfirmed) return this.#parts.unconfirmed.add(unconfirmed);
    this.#parts.unconfirmed.end(begun);
    return null;
  }

  #mode(): number {
    return this.#parts.setting().modes?.mode ?? NORMAL;
  }

  #writeEvents(): void {
    if (this.#events.waiting === 0) return;
    const { zone, place, inForce = NOTHING_IN_FORCE } = this.#parts.setting();
    this.#events.write({ zone, station: place.station, inForce });
  }

  /** The decision of a gate whose journal is full, before the card is touched; else null. */
  #closedFor(mode: number): Decision | null {
    // A gate that stands open needs no journal.
    if ((mode & Mode.emergency) !== 0) return null;
    const why = this.#fullness();
    return why === null ? null : refuse(TapKind.entry, 'gateClosed', why);
  }

  /** Also false where the journal failed, which is told where it is written. */
  #hasRoom(): boolean {
    try {
      return this.#fullness() === null;
    } catch {
      return false;
    }
  }

  /** Why the journal has no room, or null. */
  #fullness(): string | null {
    try {
      this.#parts.journal.reserve();
      return null;
    } catch (error) {
      if (!isFull(error)) throw error;
      return error.message;
    }
  }

  /**
   * Closes an unconfirmed debit once it is in the station's table for good: the journal lets go of
   * it when the engine has it, and the card's next tap must find it all the same.
   */
  async #keepAside(debit: Debit, tapUs: number, hostUs: number): Promise<void> {
    await this.#parts.unconfirmed.add(debit);
    this.#close(debit, tapUs, hostUs);
  }

  /** Closes a settlement once what it settles is forgotten. */
  async #closeSettlement(debit: Debit): Promise<void> {
    const { cardNumber, refersTo } = debit;
    if (refersTo) await this.#parts.unconfirmed.settle({ cardNumber, ...refersTo });
    this.#close(debit, 0, 0);
  }

  #close(debit: Debit, tapUs: number, hostUs: number): void {
    const record = this.#record;
    encodeDebit(debit, record, 0);
    writeU16(record, at.tapMs, Math.min(Math.round(tapUs / 1000), 0xffff));
    writeU32(record, at.hostUs, Math.round(hostUs));
    this.#parts.journal.close(record);
  }
}

function isBehind(record: Uint8Array, { gateSequence }: Debit): boolean {
  return isEvent(record, 0) && decodeEvent(record, 0).gateSequence === gateSequence + 1;
}

/**
 * What a crash left of a tap that is charged later, which nothing on the card tells of. The card
 * was authenticated before its intent, and the gate opens once that and its evidence are durable:
 * so with both it counts, and of a rider who taps again the engine makes one tap of the two.
 * Without evidence the gate was still closed. Where that has its end and the debit has not, only
 * the ledger can say, once it sees the card again.
 */
function endOfOpenLoop(debit: Debit, isBorneOut: boolean, nextSequence: number): Debit {
  if (isBorneOut) {
    return { ...debit, state: DebitState.confirmed, evidence: Evidence.debitAnswer };
  }
  const isAlone = nextSequence === debit.gateSequence + 1;
  if (isAlone) return { ...debit, state: DebitState.void, evidence: Evidence.notSent };
  return { ...debit, state: DebitState.unconfirmed };
}

/** The decision with what the journal had room for; a settlement it refused has settled nothing. */
function withoutRefused(decision: Decision, refused: ReadonlySet<number>): Decision {
  if (refused.size === 0) return decision;
  const closed = decision.closed.filter((debit) => !refused.has(debit.gateSequence));
  // Once this tap's own debit has moved the balance, that says nothing of the earlier one any more:
  // it is forgotten here all the same, and the ledger goes by the balance that this tap read.
  const isSettled = closed.some(
    ({ kind, state, amountMinor }) =>
      kind === DebitKind.settlement || (state !== DebitState.void && amountMinor > 0),
  );
  const { evidence, settled } = decision;
  return {
    ...decision,
    closed,
    evidence: evidence && !refused.has(evidence.gateSequence) ? evidence : null,
    settled: isSettled ? settled : null,
  };
}

/** Whether a kernel's outcome need not be brought again: what was paid is in the journal. */
function isDealtWith(
  { isLate }: KernelSession,
  outcome: KernelOutcome | null,
  { reason, closed }: Decision,
): boolean {
  if (isLate) return reason !== 'gateClosed';
  const isKept = closed.some(
    ({ kind, state }) => kind === DebitKind.debit && state !== DebitState.void,
  );
  return isKept || outcome === null || paidBy(outcome) === null;
}

/**
 * A full journal closes the gate until the uplink has made room, a full disk until somebody has:
 * nothing was appended. Any other failure is fatal.
 */
function isFull(error: unknown): error is FaregateError {
  if (!(error instanceof FaregateError)) return false;
  return error.code === 'JOURNAL_FULL' || error.code === 'DISK_FULL';
}
