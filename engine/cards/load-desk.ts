/**
 * The load host for machines: the MAC2 that puts a funded order on its card, and what became of it.
 * Every method is one durable transaction and may be repeated: an answer that was lost is given
 * again. What a MAC2 needs is on disk before it leaves.
 *
 * A card is read in visits. `begin` numbers one, then the machine sends INITIALIZE FOR LOAD, then
 * `present` brings the answer. So the reading of the newest visit is younger than every MAC2 that
 * left before it, however late messages arrive; older visits are refused.
 */
import { fromHex, readU16, toHex } from '../bytes.ts';
import { type LoadInit, readLoadInit } from '../card/purse/commands/initialize-for-load.ts';
import type { AnnouncedLoad, LoadKeys } from '../crypto/load-keys.ts';
import { LOAD_ATTEMPTS_MAX, LOAD_LOOK_AMOUNT_MAX } from '../limits.ts';
import { serviceDay } from '../service-day.ts';
import { writeLocalDateTime } from '../time.ts';
import { Held } from './held.ts';
import type { BeginAnswer, LoadHost, PresentAnswer } from './host-port.ts';
import {
  type Attempt,
  type CardAccount,
  type LoadOrder,
  type Refused,
  refuse,
  type Visit,
} from './model.ts';
import type { OrderDeskParts } from './order-desk.ts';
import {
  authoriseOrder,
  closedOrder,
  judgeBySight,
  leaveUnknown,
  mayAuthorise,
  notCredited,
} from './orders.ts';
import type { CardNames, NamedCard, ShownCard } from './shown-card.ts';

export interface LoadDeskParts extends OrderDeskParts {
  readonly names: CardNames;
  readonly keys: LoadKeys;
  readonly random: (length: number) => Uint8Array;
}

const NO_DATE_TIME = new Uint8Array(7);

export class LoadDesk implements LoadHost {
  readonly #parts: LoadDeskParts;

  constructor(parts: LoadDeskParts) {
    this.#parts = parts;
  }

  #transaction<R>(work: (held: Held) => R): Promise<R> {
    return this.#parts.store.transaction((writer) => work(new Held(writer, this.#parts.nowMs())));
  }

  /** A card is about to be read, for an order or (null) for a look. `terminalId` of 6 bytes. */
  begin(
    shown: ShownCard,
    orderId: string | null,
    terminalId: Uint8Array,
  ): Promise<BeginAnswer | Refused> {
    return this.#transaction((held) => {
      const found = this.#find(held, shown);
      if ('refused' in found) return found;
      const { card } = found;
      let amountMinor = this.#lookAmount();
      if (orderId !== null) {
        const order = held.order(orderId);
        if (!order) return refuse('unknownOrder');
        if (order.card !== card.card) return refuse('wrongCard');
        const closed = closedOrder(order);
        if (closed) return closed;
        amountMinor = order.amountMinor;
      }
      const number = card.visits + 1;
      const visit: Visit = {
        number,
        terminalId: toHex(terminalId),
        amountMinor,
        orderId,
        presented: null,
      };
      held.putCard({ ...card, visit, visits: number });
      const last = card.openOrder === null ? null : held.order(card.openOrder)?.attempts.at(-1);
      const open =
        card.openOrder !== null && last
          ? { orderId: card.openOrder, visit: last.visit, onlineCounter: last.onlineCounter }
          : null;
      return { visit: number, amountMinor, open };
    });
  }

  /** `init`: the 16 bytes of INITIALIZE FOR LOAD of that visit. */
  present(
    shown: ShownCard,
    visitNumber: number,
    init: Uint8Array,
  ): Promise<PresentAnswer | Refused> {
    return this.#transaction((held) => {
      const found = this.#find(held, shown);
      if ('refused' in found) return found;
      const { card, named } = found;
      const { visit } = card;
      if (visit?.number !== visitNumber) return refuse('staleVisit');
      const said = readLoadInit(init);
      if (visit.presented !== null) {
        // Not judged again: a MAC2 that left since may have moved the counter.
        if (visit.presented !== toHex(init)) return refuse('visitUsed');
        return this.#again(held, card, named, visit, said);
      }
      const proof = { ...this.#announced(named, visit, said), dateTime: NO_DATE_TIME };
      const verdict = this.#parts.keys.verifyMac1(proof, said.mac1);
      if (verdict !== 'valid') return refuse(verdict === 'invalid' ? 'macInvalid' : 'unknownKey');
      return this.#judge(held, card, named, { ...visit, presented: toHex(init) }, said);
    });
  }

  /** The card credited the order in that visit and this is its TAC, 4 bytes. */
  confirm(
    shown: ShownCard,
    orderId: string,
    visit: number,
    tac: Uint8Array,
  ): Promise<LoadOrder | Refused> {
    return this.#transaction((held) => {
      const found = this.#find(held, shown);
      if ('refused' in found) return found;
      const order = held.order(orderId);
      if (!order) return refuse('unknownOrder');
      if (order.card !== found.card.card) return refuse('wrongCard');
      const attempt = order.attempts.find((each) => each.visit === visit);
      if (!attempt) return refuse('staleVisit');
      const verdict = this.#parts.keys.verifyTac(this.#attempted(found.named, order, attempt), tac);
      if (verdict !== 'valid') {
        if (verdict === 'invalid') held.exception('tacInvalid', orderId);
        return refuse(verdict === 'invalid' ? 'tacInvalid' : 'unknownKey');
      }
      const day = serviceDay(this.#parts.zone, attempt.atMs);
      const proof = { by: 'tac', tac: toHex(tac) } as const;
      const card = held.credit(found.card, order, proof, attempt.onlineCounter, day);
      this.#releaseRival(held, card, attempt.onlineCounter);
      return held.order(orderId)!;
    });
  }

  /** No TAC came back in that visit. */
  unknown(orderId: string, visit: number): Promise<LoadOrder | Refused> {
    return this.#transaction((held) => {
      const order = held.order(orderId);
      if (!order) return refuse('unknownOrder');
      if (order.attempts.at(-1)?.visit !== visit) return order;
      const next = leaveUnknown(order, held.nowMs);
      held.putOrder(next);
      return next;
    });
  }

  #find(held: Held, shown: ShownCard): { card: CardAccount; named: NamedCard } | Refused {
    const named = this.#parts.names.of(shown);
    const card = named && held.card(named.card);
    if (!named || !card || card.profile !== shown.profile) return refuse('unknownCard');
    return { card, named };
  }

  /** One counter, one credit: a TAC of another order at it says that the open one has none. */
  #releaseRival(held: Held, card: CardAccount, onlineCounter: number): void {
    const open = card.openOrder === null ? undefined : held.order(card.openOrder);
    if (open?.attempts.at(-1)?.onlineCounter !== onlineCounter) return;
    held.putOrder(notCredited(open, held.nowMs));
    held.putCard({ ...card, openOrder: null });
  }

  #lookAmount(): number {
    return 1 + (readU16(this.#parts.random(2), 0) % LOAD_LOOK_AMOUNT_MAX);
  }

  /** Settles the open order by what the card shows, then looks at the order of the visit. */
  #judge(
    held: Held,
    before: CardAccount,
    named: NamedCard,
    visit: Visit,
    said: LoadInit,
  ): PresentAnswer | Refused {
    const { balanceMinor, onlineCounter } = said;
    let card: CardAccount = { ...before, visit, seen: { balanceMinor, atMs: held.nowMs } };
    held.putCard(card);
    let resolved: PresentAnswer['resolved'] = null;
    const open = card.openOrder === null ? undefined : held.order(card.openOrder);
    if (open) {
      const verdict = judgeBySight(open, onlineCounter);
      if (verdict === 'broken') {
        held.exception('counterBroken', card.card);
        return refuse('counterBroken');
      }
      const credited = verdict === 'credited';
      resolved = { orderId: open.orderId, credited };
      if (credited) {
        const attempt = open.attempts.at(-1)!;
        const day = serviceDay(this.#parts.zone, attempt.atMs);
        card = held.credit(card, open, { by: 'counter' }, attempt.onlineCounter, day);
      } else {
        held.putOrder(notCredited(open, held.nowMs));
        card = { ...card, openOrder: null };
      }
    } else if (!isExpected(card, onlineCounter)) {
      held.exception('counterBroken', card.card);
      if (onlineCounter < card.nextCounter!) return refuse('counterBroken');
    }
    card = { ...card, nextCounter: onlineCounter };
    held.putCard(card);
    const seen = { balanceMinor, onlineCounter, resolved };
    if (visit.orderId === null) return { ...seen, credit: null, refused: null };
    const credit = this.#authorise(held, card, named, visit, said);
    return 'refused' in credit
      ? { ...seen, credit: null, ...credit }
      : { ...seen, credit, refused: null };
  }

  #authorise(
    held: Held,
    card: CardAccount,
    named: NamedCard,
    visit: Visit,
    said: LoadInit,
  ): NonNullable<PresentAnswer['credit']> | Refused {
    const { limits, zone } = this.#parts;
    const order = held.order(visit.orderId!)!;
    const day = serviceDay(zone, held.nowMs);
    const no = mayAuthorise(order, card, said.balanceMinor, limits, day);
    if (no) return no;
    if (order.attempts.length >= LOAD_ATTEMPTS_MAX) return refuse('tooManyAttempts');
    const stampMs = Math.max(Math.floor(held.nowMs / 1000) * 1000, card.stampMs + 1000);
    const dateTime = new Uint8Array(7);
    writeLocalDateTime(zone, stampMs, dateTime, 0);
    const attempt: Attempt = {
      visit: visit.number,
      terminalId: visit.terminalId,
      balanceMinor: said.balanceMinor,
      onlineCounter: said.onlineCounter,
      keyVersion: said.keyVersion,
      algorithm: said.algorithm,
      random: toHex(said.random),
      dateTime: toHex(dateTime),
      atMs: held.nowMs,
    };
    held.putOrder(authoriseOrder(order, attempt));
    held.putCard({ ...card, openOrder: order.orderId, stampMs });
    return this.#orderTo(named, order, attempt);
  }

  /** The MAC2 of an attempt; its key held when MAC1 was checked. */
  #orderTo(named: NamedCard, order: LoadOrder, attempt: Attempt) {
    const mac2 = this.#parts.keys.mac2(this.#attempted(named, order, attempt));
    return mac2 ? { dateTime: attempt.dateTime, mac2: toHex(mac2) } : refuse('unknownKey');
  }

  /** The answer to a reading that was answered before. */
  #again(
    held: Held,
    card: CardAccount,
    named: NamedCard,
    visit: Visit,
    { balanceMinor, onlineCounter }: LoadInit,
  ): PresentAnswer | Refused {
    const seen = { balanceMinor, onlineCounter, resolved: null };
    if (visit.orderId === null) return { ...seen, credit: null, refused: null };
    const order = held.order(visit.orderId)!;
    const attempt = order.attempts.at(-1);
    if (card.openOrder !== order.orderId || attempt?.visit !== visit.number) {
      return closedOrder(order) ?? refuse('visitUsed');
    }
    const credit = this.#orderTo(named, order, attempt);
    return 'refused' in credit ? credit : { ...seen, credit, refused: null };
  }

  #announced(
    named: NamedCard,
    { terminalId, amountMinor }: Pick<Visit, 'terminalId' | 'amountMinor'>,
    said: Pick<LoadInit, 'random' | 'onlineCounter' | 'balanceMinor' | 'keyVersion' | 'algorithm'>,
  ): Omit<AnnouncedLoad, 'dateTime'> {
    const { keyVersion, algorithm, random, onlineCounter, balanceMinor } = said;
    return {
      key: { ...named.key, keyVersion, algorithm: named.algorithmOf[algorithm] ?? -1 },
      transactionType: named.transactionType,
      random,
      onlineCounter,
      balanceMinor,
      amountMinor,
      terminalId: fromHex(terminalId),
    };
  }

  #attempted(named: NamedCard, order: LoadOrder, attempt: Attempt): AnnouncedLoad {
    const { terminalId, random, dateTime } = attempt;
    const visit = { terminalId, amountMinor: order.amountMinor };
    const announced = this.#announced(named, visit, { ...attempt, random: fromHex(random) });
    return { ...announced, dateTime: fromHex(dateTime) };
  }
}

/** Whether the card's orders leave it at this counter; of a replaced card's one is not known. */
function isExpected({ nextCounter, standing }: CardAccount, onlineCounter: number): boolean {
  return nextCounter === null || nextCounter === onlineCounter || standing === 'replaced';
}
