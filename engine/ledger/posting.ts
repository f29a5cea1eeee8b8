/**
 * One gate's batch by the general rules: carries out what `rules.ts` decides on the tables. Pure
 * but for the writer it is given.
 */
import assert from 'node:assert/strict';
import { fromHex, isHex } from '../bytes.ts';
import { type DebitId, DebitKind, DebitState, Evidence } from '../debit/record.ts';
import { LEDGER_BANK_LOOK_MAX } from '../limits.ts';
import type { Books } from './books.ts';
import { holdsEvent } from './events.ts';
import type { GateHold } from './gate-hold.ts';
import { isException, type Outcome } from './outcomes.ts';
import type { ReceivedDebit } from './received.ts';
import {
  BANK_PURSE,
  CARD_BYTES,
  chainKey,
  comparePending,
  type DebitRow,
  DIGEST_BYTES,
  decodeDebitRow,
  decodeLink,
  decodePending,
  encodeLink,
  encodePending,
  ID_BYTES,
  idKey,
  isPending,
  type Link,
  type Pending,
  purseKey,
  purseOf,
  readId,
  rowOf,
  Standing,
  sameId,
} from './rows.ts';
import {
  areTooMany,
  breaksBalance,
  isForged,
  isPresumedOut,
  judgeDebit,
  judgeRepeat,
  judgeSettlement,
  presume,
  presumeBank,
  vouches,
  vouchesForItself,
} from './rules.ts';
import { addSighting, balanceFrom, evidenceFrom, isSighting } from './sightings.ts';
import type { StoreWriter } from './store.ts';

const NOTHING = new Uint8Array(0);

export class Posting {
  readonly #writer: StoreWriter;
  readonly #books: Books;
  readonly #gate: GateHold;
  /** The sealed record in hand: the evidence of whatever it brings to light. */
  #sealed: Uint8Array = NOTHING;

  /** @param writer shows debits of blocks too (`view.ts`). */
  constructor(writer: StoreWriter, books: Books, gate: GateHold) {
    this.#writer = writer;
    this.#books = books;
    this.#gate = gate;
  }

  receive(debit: ReceivedDebit): Outcome {
    assert(debit.card.length === CARD_BYTES, 'a card is known by 16 bytes');
    assert(debit.digest.length >= DIGEST_BYTES, 'a digest is at least 16 bytes');
    assert(isHex(debit.issuer, 8), `not an issuer: ${debit.issuer}`);
    assert((debit.kind === DebitKind.settlement) === (debit.refersTo !== null));
    this.#sealed = debit.sealed;
    if (debit.gateSequence <= this.#gate.highest) {
      const held = this.#held(debit);
      if (held) return this.#repeat(debit, held);
      if (holdsEvent(this.#writer, debit)) return this.#conflict(debit);
    }
    this.#gate.arrive(debit.gateSequence);
    return debit.kind === DebitKind.settlement ? this.#settlement(debit) : this.#debit(debit);
  }

  #held(id: DebitId): DebitRow | undefined {
    const bytes = this.#writer.get('debits', idKey(id));
    return bytes && decodeDebitRow(bytes);
  }

  #repeat(debit: ReceivedDebit, held: DebitRow): Outcome {
    const outcome = judgeRepeat(debit.digest, held);
    return outcome === 'exists' ? outcome : this.#conflict(debit);
  }

  #conflict(debit: ReceivedDebit): Outcome {
    // The conflicting record may be uploaded again and again; it is reported once.
    const seen = new Uint8Array(ID_BYTES + DIGEST_BYTES);
    seen.set(idKey(debit));
    seen.set(debit.digest.subarray(0, DIGEST_BYTES), ID_BYTES);
    if (!this.#writer.get('conflicts', seen)) {
      this.#writer.put('conflicts', seen, NOTHING);
      const row = rowOf(debit, fromHex(debit.issuer), Standing.refused);
      this.#books.report('identityConflict', debit, null, row, debit.sealed);
    }
    return 'identityConflict';
  }

  #debit(debit: ReceivedDebit): Outcome {
    const taken =
      debit.state === DebitState.confirmed
        ? this.#linkAt(debit.card, purseOf(debit.transactionType), debit.offlineCounter)
        : undefined;
    const outcome = judgeDebit(debit, taken);
    const standing = isForged(debit) ? Standing.voided : standingOf(outcome);
    const row = this.#books.change(debit, undefined, rowOf(debit, fromHex(debit.issuer), standing));
    if (isException(outcome)) this.#books.report(outcome, debit, taken ?? null, row, debit.sealed);
    if (standing === Standing.posted) this.#link(debit, row);
    if (standing === Standing.unconfirmed) this.#keepAside(debit, row);
    if (isSighting(row)) this.#see(debit, row);
    this.#hearWaiting(debit);
    if (outcome !== 'unconfirmed') return outcome;
    return isPending(this.#held(debit)!.standing) ? outcome : 'settled';
  }

  /** A tap that read the card's counter: what is pending below it had its turn. */
  #see(id: DebitId, row: DebitRow): void {
    const purse = purseOf(row.transactionType);
    addSighting(this.#writer, row.card, purse, linkOf(id, row));
    const below = this.#pendingOf(row.card, purse).filter(
      (one) => one.offlineCounter < row.offlineCounter,
    );
    this.#reconsiderBelow(row.card, purse, below);
  }

  #keepAside(id: DebitId, row: DebitRow): void {
    const purse = purseOf(row.transactionType);
    const taken = this.#linkAt(row.card, purse, row.offlineCounter);
    if (taken) {
      this.#void(id, row, Evidence.cardState, taken);
      return;
    }
    const pending = [
      ...this.#pendingOf(row.card, purse),
      { ...linkOf(id, row), instantMs: row.instantMs, vouched: vouchesForItself(row) },
    ];
    this.#keepPending(row.card, purse, pending.sort(comparePending));
    this.#reconsider(row.card, purse, row.offlineCounter);
  }

  #settlement(debit: ReceivedDebit): Outcome {
    const target = debit.refersTo!;
    const row = rowOf(debit, fromHex(debit.issuer), Standing.settlement);
    const original = this.#held(target);
    const outcome = judgeSettlement(row, original);
    this.#books.change(debit, undefined, row);
    if (outcome === 'settlementUnknown') {
      this.#writer.put('waiting', waitingKey(target, debit), NOTHING);
      this.#books.count('waiting', 1);
    }
    this.#conclude(outcome, debit, row, target, original);
    this.#hearWaiting(debit);
    return outcome;
  }

  /** Settlements that came before `id`: a neighbour's upload may overtake the gate's own. */
  #hearWaiting(id: DebitId): void {
    if (this.#books.total('waiting') === 0) return;
    const from = new Uint8Array(2 * ID_BYTES);
    from.set(idKey(id));
    const to = new Uint8Array(2 * ID_BYTES).fill(0xff);
    to.set(idKey(id));
    for (const { key } of [...this.#writer.range('waiting', { from, to })]) {
      const settlement = readId(key, ID_BYTES);
      this.#writer.remove('waiting', key);
      this.#books.count('waiting', -1);
      const row = this.#held(settlement)!;
      const original = this.#held(id)!;
      const outcome = judgeSettlement(row, original);
      this.#conclude(outcome, settlement, row, id, original);
    }
  }

  /** What a judged settlement `id` does to the debit `target` it names. */
  #conclude(
    outcome: Outcome,
    id: DebitId,
    row: DebitRow,
    target: DebitId,
    original: DebitRow | undefined,
  ): void {
    if (isException(outcome)) this.#books.report(outcome, id, target, row, row.sealed);
    if (outcome !== 'settled' || !original || !isPending(original.standing)) return;
    const { card, offlineCounter } = original;
    const purse = purseOf(original.transactionType);
    const pending = this.#pendingOf(card, purse);
    if (vouches(row)) {
      const vouched = pending.map((one) => (sameId(one, target) ? { ...one, vouched: true } : one));
      this.#keepPending(card, purse, vouched);
      this.#reconsider(card, purse, offlineCounter);
      return;
    }
    this.#keepPending(
      card,
      purse,
      pending.filter((one) => !sameId(one, target)),
    );
    if (row.state === DebitState.void) {
      this.#void(target, original, row.evidence, id);
      this.#reconsider(card, purse, offlineCounter);
      return;
    }
    const posted = this.#books.change(target, original, {
      ...original,
      standing: Standing.posted,
      evidence: row.evidence,
      tac: row.tac,
      refersTo: id,
    });
    this.#link(target, posted);
  }

  #void(id: DebitId, row: DebitRow, evidence: Evidence, by: DebitId): void {
    const { gateId, gateSequence } = by;
    const refersTo = { gateId, gateSequence };
    this.#books.change(id, row, { ...row, standing: Standing.voided, evidence, refersTo });
  }

  #linkAt(card: Uint8Array, purse: number, counter: number): Link | undefined {
    if (counter < 0 || counter > 0xffff) return undefined;
    const key = chainKey(card, purse, counter);
    const bytes = this.#writer.get('chain', key);
    return bytes && decodeLink(key, bytes);
  }

  /** Gives a posted debit its place in the card's chain and hears what that says. */
  #link(id: DebitId, row: DebitRow): void {
    const purse = purseOf(row.transactionType);
    const link = linkOf(id, row);
    const { offlineCounter } = link;
    this.#writer.put('chain', chainKey(row.card, purse, offlineCounter), encodeLink(link));
    if (purse !== BANK_PURSE) this.#checkNeighbours(row.card, purse, link);
    this.#settleBy(row.card, purse, link);
  }

  #checkNeighbours(card: Uint8Array, purse: number, link: Link): void {
    const below = this.#linkAt(card, purse, link.offlineCounter - 1);
    if (below && breaksBalance(below, link)) this.#reportBreak(below, link);
    const above = this.#linkAt(card, purse, link.offlineCounter + 1);
    if (above && breaksBalance(link, above)) this.#reportBreak(link, above);
  }

  /** The upper debit is the one whose balance is too low, whichever came first. */
  #reportBreak(below: Link, above: Link): void {
    this.#books.report('balanceBreak', above, below, this.#held(above)!, this.#sealed);
  }

  /**
   * What a new link says of pending debits: at its counter, and below it down to the next link; of
   * a bank card, which need not tell its balance each time, of all below.
   */
  #settleBy(card: Uint8Array, purse: number, link: Link): void {
    const counter = link.offlineCounter;
    const pending = this.#pendingOf(card, purse);
    if (!pending.some((one) => one.offlineCounter <= counter)) return;
    const rivals = pending.filter((one) => one.offlineCounter === counter);
    if (rivals.length > 0) {
      for (const rival of rivals) this.#void(rival, this.#held(rival)!, Evidence.cardState, link);
      this.#keepPending(
        card,
        purse,
        pending.filter((one) => one.offlineCounter !== counter),
      );
    }
    const floor = purse === BANK_PURSE ? -1 : this.#linkBelow(card, purse, counter);
    const between = pending.filter(
      (one) => one.offlineCounter > floor && one.offlineCounter < counter,
    );
    this.#reconsiderBelow(card, purse, between);
  }

  /**
   * Presumes anew about pending debits below a counter of which something was learned. Each is a
   * sighting too, so those that have others nearer above them go by these still; of a bank card,
   * by as many of the nearest as are looked at.
   * @param below in order of counters
   */
  #reconsiderBelow(card: Uint8Array, purse: number, below: readonly Pending[]): void {
    const nearest = purse === BANK_PURSE ? LEDGER_BANK_LOOK_MAX : 1;
    for (const rivals of byCounter(below).slice(-nearest)) {
      this.#presumeAnew(card, purse, rivals[0]!.offlineCounter, rivals);
    }
  }

  /** Counter of the next link below, or -1. */
  #linkBelow(card: Uint8Array, purse: number, counter: number): number {
    const range = {
      from: chainKey(card, purse, 0),
      to: chainKey(card, purse, counter),
      reverse: true,
      limit: 1,
    };
    const [next] = [...this.#writer.range('chain', range)];
    return next ? decodeLink(next.key, next.value).offlineCounter : -1;
  }

  /** Presumes anew about the pending debits at a counter no debit holds. */
  #reconsider(card: Uint8Array, purse: number, counter: number): void {
    const rivals = this.#pendingOf(card, purse).filter((one) => one.offlineCounter === counter);
    this.#presumeAnew(card, purse, counter, rivals);
  }

  #presumeAnew(card: Uint8Array, purse: number, counter: number, rivals: readonly Pending[]): void {
    if (rivals.length === 0 || areTooMany(rivals)) return;
    const rows = rivals.map((rival) => this.#held(rival)!);
    if (isPresumedOut(rows)) return;
    const presumptions =
      purse === BANK_PURSE
        ? presumeBank(rivals, balanceFrom(this.#writer, card, purse, counter + 1))
        : presume(rivals, evidenceFrom(this.#writer, card, purse, counter + 1));
    for (const [i, rival] of rivals.entries()) {
      const row = rows[i]!;
      const standing = presumptions[i]!;
      if (row.standing !== standing) this.#books.change(rival, row, { ...row, standing });
    }
  }

  #pendingOf(card: Uint8Array, purse: number): Pending[] {
    const bytes = this.#writer.get('pending', purseKey(card, purse));
    return bytes ? decodePending(bytes) : [];
  }

  #keepPending(card: Uint8Array, purse: number, pending: readonly Pending[]): void {
    const key = purseKey(card, purse);
    if (pending.length === 0) this.#writer.remove('pending', key);
    else this.#writer.put('pending', key, encodePending(pending));
  }
}

function standingOf(outcome: Outcome): Standing {
  switch (outcome) {
    case 'posted':
      return Standing.posted;
    case 'voided':
      return Standing.voided;
    case 'tacInvalid':
    case 'tacUnknownKey':
    case 'evidenceMissing':
      return Standing.suspended;
    case 'naturalKeyConflict':
      return Standing.refused;
    default:
      assert.equal(outcome, 'unconfirmed');
      return Standing.unconfirmed;
  }
}

function linkOf(id: DebitId, row: DebitRow): Link {
  const { offlineCounter, balanceBeforeMinor, amountMinor, currency } = row;
  return {
    gateId: id.gateId,
    gateSequence: id.gateSequence,
    offlineCounter,
    balanceBeforeMinor,
    amountMinor,
    currency,
  };
}

/** Splits pending debits, which come in order of counters, into the rivals for each counter. */
export function byCounter(pending: readonly Pending[]): Pending[][] {
  const groups: Pending[][] = [];
  for (const one of pending) {
    const last = groups.at(-1);
    if (last?.[0]?.offlineCounter === one.offlineCounter) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

/** Settlements that wait for one debit lie together. */
function waitingKey(target: DebitId, settlement: DebitId): Uint8Array {
  const key = new Uint8Array(2 * ID_BYTES);
  key.set(idKey(target));
  key.set(idKey(settlement), ID_BYTES);
  return key;
}
