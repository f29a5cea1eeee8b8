/**
 * The riders of the kill test and their cards, in the parent: what a card has committed is known
 * outside of the process that is killed. A rider taps until a gate opens, as people do.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reason } from '../../engine/tap/reasons.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { issueCard, type MasterKeys } from '../../gate/reader/virtual/card-state.ts';
import { serveVirtualCard } from '../../gate/reader/virtual/program.ts';
import type { Life } from './life.ts';
import { gates, type KilledGate } from './plan.ts';

const TAPS_MAX = 1000;
/** By then a barrier has shown something, or never will. */
const SHOWN_MS_MAX = 30_000;
const BALANCE_MINOR = 0x3fff_ffff;
/** The gate asks the rider to tap again, or has died. */
const tryAgain: ReadonlySet<Reason | 'dead'> = new Set([
  'dead',
  'gateClosed',
  'cardGone',
  'cardFaulty',
  'cardRefused',
  'mac2Invalid',
  'deadline',
]);

/** What riders share. */
export interface Street {
  /** One rider at a time stands at a gate: when the one before has left it. */
  readonly queues: Map<string, Promise<void>>;
  /** The process whose gates take cards now; waits for one. */
  life(): Promise<Life>;
  /** A card is about to answer, or has just answered. */
  onCommand(answered: boolean): void;
  broken(what: string): void;
}

export class Rider {
  readonly committed: { readonly offlineCounter: number; readonly amountMinor: number }[] = [];
  readonly card: VirtualCard;
  readonly #index: number;
  readonly #street: Street;
  taps = 0;
  /** A card is in a reader's field. */
  inHand = false;

  constructor(index: number, masters: MasterKeys, street: Street) {
    this.#index = index;
    this.#street = street;
    const cardNumber = Uint8Array.of(0x03, 0x10, 0x51, 0x70, 0, 0, 0, 0, 0, index);
    const state = issueCard('tunion', masters, { cardNumber, balanceMinor: BALANCE_MINOR });
    let held = state;
    this.card = new VirtualCard({
      state,
      randomBytes,
      commit: (next) => {
        if (next.offlineCounter !== held.offlineCounter) {
          const amountMinor = next.spentMinor - held.spentMinor;
          this.committed.push({ offlineCounter: held.offlineCounter, amountMinor });
        }
        held = next;
      },
    });
  }

  /** One journey, there or back. */
  async ride(): Promise<void> {
    const from = this.#index % 2;
    if (await this.pass(gateAt(from, 'entry'))) await this.pass(gateAt(1 - from, 'exit'));
  }

  /** Taps until the gate opens; however often that is, the card is charged once. */
  async pass(gate: KilledGate): Promise<boolean> {
    const before = this.committed.length;
    let reason: Reason | 'dead' = 'dead';
    for (let tap = 0; tap < TAPS_MAX && tryAgain.has(reason); tap++) reason = await this.#tap(gate);
    const charged = this.committed.slice(before).map((one) => one.amountMinor);
    const opened = reason === 'open' || reason === 'recovered';
    const who = `card ${this.#index} at ${gate.gateId}`;
    if (charged.length > 1) this.#street.broken(`${who}: debited ${charged.join(' and ')}`);
    if (!opened && charged.length > 0) {
      this.#street.broken(`${who}: debited, and sent away with ${reason}`);
    }
    return opened;
  }

  async #tap(gate: KilledGate): Promise<Reason | 'dead'> {
    const { queues } = this.#street;
    const before = queues.get(gate.gateId) ?? Promise.resolve();
    let leave: () => void = () => {};
    queues.set(
      gate.gateId,
      new Promise((resolve) => {
        leave = resolve;
      }),
    );
    await before;
    try {
      return await this.#hold(gate);
    } finally {
      leave();
    }
  }

  async #hold({ gateId }: KilledGate): Promise<Reason | 'dead'> {
    const life = await this.#street.life();
    const shown = life.nextShown(gateId);
    let commands = 0;
    this.inHand = true;
    try {
      await serveVirtualCard({
        host: '127.0.0.1',
        port: life.portOf(gateId),
        card: {
          power: () => this.card.power(),
          transmit: (apdu) => {
            commands += 1;
            this.#street.onCommand(false);
            const answer = this.card.transmit(apdu);
            this.#street.onCommand(true);
            return answer;
          },
        },
        once: true,
        retryMs: 0,
      });
    } catch {
      // No reader took the card: the process is dead, or not yet done with the card before.
      await sleep(2);
      return 'dead';
    } finally {
      this.inHand = false;
    }
    // A card that took too long to be woken is one that nobody tapped: no barrier speaks of it.
    if (commands === 0) return 'dead';
    this.taps += 1;
    const decided = await Promise.race([shown, silence()]);
    if (decided !== 'silent') return decided?.reason ?? 'dead';
    this.#street.broken(`card ${this.#index} at ${gateId}: nothing was shown`);
    return 'dead';
  }
}

const silence = (): Promise<'silent'> => sleep(SHOWN_MS_MAX, 'silent', { ref: false });

function gateAt(station: number, side: KilledGate['side']): KilledGate {
  return gates.find((gate) => gate.station === station && gate.side === side)!;
}
