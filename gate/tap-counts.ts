/** A gate's counts since its process started, as its status reports them to the engine. */
import { EVENT_MODES } from '../engine/debit/event.ts';
import { DebitKind, DebitState } from '../engine/debit/record.ts';
import { Histogram } from '../engine/histogram.ts';
import { modeNames } from '../engine/tap/modes.ts';
import type { GateStatus } from '../engine/wire/gate-status.ts';
import type { TapReport } from './controller.ts';

type Timed = Pick<TapReport, 'decision' | 'tapUs' | 'hostUs' | 'isBank'>;

export class TapCounts {
  readonly #gateId: string;
  readonly #station: string;
  readonly #startedMs: number;
  readonly #denied: Record<string, number> = {};
  /** Of taps promised within `TAP_DEADLINE_MS`. */
  readonly tapMs = new Histogram();
  readonly hostUs = new Histogram();
  /** Of taps of bank cards, promised within `BANK_TAP_DEADLINE_MS`. */
  readonly bankTapMs = new Histogram();
  readonly bankHostUs = new Histogram();
  taps = 0;
  opened = 0;
  /** Debits that cards proved, at once or when they came again. */
  debits = 0;
  torn = 0;
  recovered = 0;
  /** People let through while each mode was in force, by bit. */
  readonly underMode: number[] = new Array<number>(EVENT_MODES).fill(0);

  constructor(gateId: string, station: string, startedMs: number) {
    this.#gateId = gateId;
    this.#station = station;
    this.#startedMs = startedMs;
  }

  /** A card that left is torn, not denied; its time says nothing of the gate. */
  add({ decision, tapUs, hostUs, isBank }: Timed, mode: number): void {
    this.taps += 1;
    for (const { state } of decision.closed) if (state === DebitState.confirmed) this.debits += 1;
    // One that is left to the ledger has no settlement here.
    const isSettled = decision.closed.some(({ kind }) => kind === DebitKind.settlement);
    if (isSettled) this.recovered += 1;
    if (decision.reason === 'cardGone') {
      this.torn += 1;
      return;
    }
    if (decision.open) {
      this.opened += 1;
      this.passed(1, mode);
    } else this.#denied[decision.reason] = (this.#denied[decision.reason] ?? 0) + 1;
    (isBank ? this.bankTapMs : this.tapMs).add(Math.ceil(tapUs / 1000));
    (isBank ? this.bankHostUs : this.hostUs).add(Math.ceil(hostUs));
  }

  /** People who went through under `mode`. */
  passed(people: number, mode: number): void {
    for (let bit = 0; mode >>> bit !== 0; bit++) {
      if (((mode >>> bit) & 1) === 1) this.underMode[bit]! += people;
    }
  }

  /** Goes on from what an earlier process had counted. */
  restore(before: GateStatus): void {
    this.taps += before.taps;
    this.opened += before.opened;
    this.debits += before.debits;
    this.torn += before.torn;
    this.recovered += before.recovered;
    for (const [reason, count] of Object.entries(before.denied)) {
      this.#denied[reason] = (this.#denied[reason] ?? 0) + count;
    }
    this.tapMs.merge(before.tapMs);
    this.hostUs.merge(before.hostUs);
    if (before.bankTapMs) this.bankTapMs.merge(before.bankTapMs);
    if (before.bankHostUs) this.bankHostUs.merge(before.bankHostUs);
  }

  get denied(): Readonly<Record<string, number>> {
    return this.#denied;
  }

  /** People let through under each mode that saw any, by its name. */
  peopleUnder(): Record<string, number> {
    const named = modeNames.map((name, bit) => [name, this.underMode[bit] ?? 0] as const);
    return Object.fromEntries(named.filter(([, people]) => people > 0));
  }

  status(backlog: number, unconfirmed: number): GateStatus {
    return {
      gateId: this.#gateId,
      station: this.#station,
      startedMs: this.#startedMs,
      taps: this.taps,
      opened: this.opened,
      debits: this.debits,
      torn: this.torn,
      recovered: this.recovered,
      denied: { ...this.#denied },
      backlog,
      unconfirmed,
      tapMs: this.tapMs.data(),
      hostUs: this.hostUs.data(),
      ...(this.bankTapMs.total === 0
        ? {}
        : { bankTapMs: this.bankTapMs.data(), bankHostUs: this.bankHostUs.data() }),
    };
  }
}
