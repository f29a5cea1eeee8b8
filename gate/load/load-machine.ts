/**
 * A load machine: drives one card through a load, or through a look at it, with the engine as load
 * host (`docs/card-life.md`). It decides nothing about money. Whatever breaks off, wherever, the
 * order is settled at the card's next visit to any machine.
 */

import { fromHex } from '../../engine/bytes.ts';
import type { CardFault, Dialogue } from '../../engine/card/dialogue.ts';
import { isFault } from '../../engine/card/dialogue.ts';
import type { CompiledProfile } from '../../engine/card/purse/compile.ts';
import { creditLoad, initializeLoad, proveLoad } from '../../engine/card/purse/load-dialogues.ts';
import { selectPurse } from '../../engine/card/purse/select-purse.ts';
import type { BeginAnswer, LoadHost, PresentAnswer } from '../../engine/cards/host-port.ts';
import type { RefusalCode } from '../../engine/cards/model.ts';
import type { ShownCard } from '../../engine/cards/shown-card.ts';
import { FaregateError } from '../../engine/errors.ts';
import { LOAD_HOST_TRIES } from '../../engine/limits.ts';
import type { CardSession } from '../reader/reader.ts';

export interface LoadMachineParts {
  readonly profiles: readonly CompiledProfile[];
  readonly host: LoadHost;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
}

export type LoadOutcome =
  /** The card was credited, now or earlier; `proved` where the engine has its TAC. */
  | { readonly outcome: 'credited'; readonly earlier: boolean; readonly proved: boolean }
  /** The card is proved not to have the money; present it again, or have it refunded. */
  | { readonly outcome: 'notCredited' }
  /** Present the card again, here or at another machine. */
  | { readonly outcome: 'unknown'; readonly why: CardFault | null }
  | { readonly outcome: 'looked' }
  | { readonly outcome: 'refused'; readonly refused: RefusalCode }
  /** Nothing was ordered of the card. */
  | { readonly outcome: 'fault'; readonly why: CardFault };

export type LoadReport = LoadOutcome & {
  /** As the card showed it before this load, where it got so far. */
  readonly balanceMinor: number | null;
  /** An order that this visit settled. */
  readonly resolved: PresentAnswer['resolved'];
};

const NOTHING_SEEN = { balanceMinor: null, resolved: null };

/**
 * @param orderId the order to put on the card; null to look only, which settles an open order.
 * @throws FaregateError UPLINK_FAILED, GATE_REFUSED where the host could not be asked before
 * anything was ordered of the card.
 */
export async function serveCard(
  parts: LoadMachineParts,
  card: CardSession,
  orderId: string | null,
): Promise<LoadReport> {
  const purse = await driveCard(card, selectPurse(parts.profiles));
  if (isFault(purse)) return { outcome: 'fault', why: purse, ...NOTHING_SEEN };
  const shown = { profile: purse.profile.name, publicFile: purse.publicFile };
  const visit = new LoadVisit(parts, card, purse.profile, shown);
  const report = await visit.run(orderId);
  const stillThere = report.outcome === 'unknown' && report.why?.fault !== 'gone';
  if (orderId === null || !stillThere) return report;
  // The card answered, only not with a TAC that holds: it can say at once where its counter is.
  const look = await heard(() => visit.run(null));
  if (look?.resolved?.orderId !== orderId) return report;
  const seen = { balanceMinor: look.balanceMinor, resolved: look.resolved };
  if (!look.resolved.credited) return { outcome: 'notCredited', ...seen };
  return { outcome: 'credited', earlier: false, proved: false, ...seen };
}

class LoadVisit {
  readonly #parts: LoadMachineParts;
  readonly #card: CardSession;
  readonly #profile: CompiledProfile;
  readonly #shown: ShownCard;

  constructor(
    parts: LoadMachineParts,
    card: CardSession,
    profile: CompiledProfile,
    shown: ShownCard,
  ) {
    this.#parts = parts;
    this.#card = card;
    this.#profile = profile;
    this.#shown = shown;
  }

  async run(orderId: string | null): Promise<LoadReport> {
    const { host, terminalId } = this.#parts;
    if (!this.#profile.load) return { outcome: 'refused', refused: 'unknownCard', ...NOTHING_SEEN };
    const begun = await patient(() => host.begin(this.#shown, orderId, terminalId));
    if ('refused' in begun) return { outcome: 'refused', ...begun, ...NOTHING_SEEN };
    const proved = await this.#proveOpen(begun.open);
    if (proved !== null && proved === orderId) {
      const resolved = { orderId: proved, credited: true };
      return { outcome: 'credited', earlier: true, proved: true, balanceMinor: null, resolved };
    }
    const init = await driveCard(
      this.#card,
      initializeLoad(this.#profile, begun.amountMinor, terminalId),
    );
    if (isFault(init)) return { outcome: 'fault', why: init, ...NOTHING_SEEN };
    const answer = await patient(() => host.present(this.#shown, begun.visit, init.bytes));
    if ('refused' in answer && !('balanceMinor' in answer)) {
      return { outcome: 'refused', refused: answer.refused, ...NOTHING_SEEN };
    }
    const { balanceMinor, credit, refused } = answer as PresentAnswer;
    const byTac = proved === null ? null : { orderId: proved, credited: true };
    const resolved = byTac ?? (answer as PresentAnswer).resolved;
    const seen = { balanceMinor, resolved };
    if (orderId === null) return { outcome: 'looked', ...seen };
    if (resolved?.orderId === orderId && resolved.credited) {
      return { outcome: 'credited', earlier: true, proved: false, ...seen };
    }
    if (credit === null) return { outcome: 'refused', refused: refused ?? 'notFunded', ...seen };
    return { ...(await this.#credit(orderId, begun.visit, credit)), ...seen };
  }

  async #credit(
    orderId: string,
    visit: number,
    { dateTime, mac2 }: NonNullable<PresentAnswer['credit']>,
  ): Promise<LoadOutcome> {
    const { host } = this.#parts;
    const tac = await driveCard(this.#card, creditLoad(fromHex(dateTime), fromHex(mac2)));
    if (isFault(tac)) {
      await heard(() => host.unknown(orderId, visit));
      return { outcome: 'unknown', why: tac };
    }
    const confirmed = await heard(() => host.confirm(this.#shown, orderId, visit, tac));
    if (confirmed === null) return { outcome: 'credited', earlier: false, proved: false };
    if ('refused' in confirmed) return { outcome: 'unknown', why: null };
    return { outcome: 'credited', earlier: false, proved: true };
  }

  /** Brings the host the TAC of an open order while the card keeps it; answers that order's id. */
  async #proveOpen(open: BeginAnswer['open']): Promise<string | null> {
    if (open === null) return null;
    const tac = await driveCard(this.#card, proveLoad(this.#profile, open.onlineCounter));
    if (tac === 'unavailable' || isFault(tac)) return null;
    const { host } = this.#parts;
    const confirmed = await heard(() => host.confirm(this.#shown, open.orderId, open.visit, tac));
    return confirmed === null || 'refused' in confirmed ? null : open.orderId;
  }
}

/** Runs a dialogue that asks the card alone. */
export async function driveCard<R>(card: CardSession, dialogue: Dialogue<R>): Promise<R> {
  let step = dialogue.next(null);
  while (step.done !== true) {
    const ask = step.value;
    step = dialogue.next(ask.ask === 'card' ? await card.transceive(ask.apdu) : null);
  }
  return step.value;
}

/** Asks again where an answer was lost. @throws what the last try failed with. */
async function patient<R>(call: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const lost = error instanceof FaregateError && error.code === 'UPLINK_FAILED';
      if (!lost || tries === LOAD_HOST_TRIES) throw error;
    }
  }
}

/** The same where the host will hear it from the card later: null when it did not answer. */
async function heard<R>(call: () => Promise<R>): Promise<R | null> {
  try {
    return await patient(call);
  } catch (error) {
    if (error instanceof FaregateError) return null;
    throw error;
  }
}
