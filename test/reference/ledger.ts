/**
 * The slow obvious ledger: keeps what arrived in plain arrays and works every answer out from them
 * when asked. Nothing is maintained from one record to the next but who came first; presumptions
 * and balances in particular are derived anew each time.
 */
import { DebitKind, DebitState } from '../../engine/debit/record.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import type { StandingName } from '../../engine/ledger/rows.ts';

function idOf(debit: { gateId: string; gateSequence: number }): string {
  return `${debit.gateId}/${debit.gateSequence}`;
}

function purseOf(debit: ReceivedDebit): string {
  const purse = debit.transactionType === 5 ? 'ED' : isBank(debit) ? 'bank' : 'EP';
  return `${Buffer.from(debit.card).toString('hex')}/${purse}`;
}

function isBank({ transactionType }: ReceivedDebit): boolean {
  return transactionType === 0xec || transactionType === 0xe0;
}

function hasBadTac(debit: ReceivedDebit): boolean {
  return ['invalid', 'unknownKey', 'noEvidence'].includes(debit.tac);
}

export class ReferenceLedger {
  readonly records: ReceivedDebit[] = [];
  /** Fates that no later record changes. */
  readonly #firm = new Map<string, 'posted' | 'voided' | 'refused'>();

  receive(debit: ReceivedDebit): void {
    if (this.#byId(debit)) return;
    this.records.push(debit);
    if (debit.kind === DebitKind.debit) this.#receiveDebit(debit);
    for (const settlement of this.records) this.#hear(settlement);
  }

  #receiveDebit(debit: ReceivedDebit): void {
    if (debit.state === DebitState.void || isForged(debit)) this.#firm.set(idOf(debit), 'voided');
    if (debit.state === DebitState.confirmed && !hasBadTac(debit)) {
      if (this.#holder(debit)) this.#firm.set(idOf(debit), 'refused');
      else this.#hold(debit);
    }
    if (this.#isPending(debit) && this.#holder(debit)) this.#firm.set(idOf(debit), 'voided');
  }

  /** Hearing a settlement again changes nothing: it either settled its debit or never will. */
  #hear(settlement: ReceivedDebit): void {
    if (settlement.refersTo === null || hasBadTac(settlement)) return;
    const debit = this.#byId(settlement.refersTo);
    if (!debit || !this.#isPending(debit) || !speaksOf(settlement, debit)) return;
    if (isVouch(settlement)) return;
    if (settlement.state === DebitState.void) this.#firm.set(idOf(debit), 'voided');
    else this.#hold(debit);
  }

  #hold(debit: ReceivedDebit): void {
    this.#firm.set(idOf(debit), 'posted');
    for (const other of this.records) {
      if (this.#isPending(other) && sameCounter(other, debit)) {
        this.#firm.set(idOf(other), 'voided');
      }
    }
  }

  #byId(id: { gateId: string; gateSequence: number }): ReceivedDebit | undefined {
    return this.records.find((one) => idOf(one) === idOf(id));
  }

  #isPending(debit: ReceivedDebit): boolean {
    const unknown = debit.state !== DebitState.confirmed && debit.state !== DebitState.void;
    return debit.kind === DebitKind.debit && unknown && !this.#firm.has(idOf(debit));
  }

  #isHeld(debit: ReceivedDebit): boolean {
    return this.#firm.get(idOf(debit)) === 'posted';
  }

  #holder(debit: ReceivedDebit): ReceivedDebit | undefined {
    return this.records.find((one) => this.#isHeld(one) && sameCounter(one, debit));
  }

  standings(): Map<string, StandingName> {
    return new Map(this.records.map((debit) => [idOf(debit), this.#standing(debit)]));
  }

  #standing(debit: ReceivedDebit): StandingName {
    if (debit.kind === DebitKind.settlement) return 'settlement';
    const firm = this.#firm.get(idOf(debit));
    if (firm) return firm;
    return debit.state === DebitState.confirmed ? 'suspended' : this.#presumed(debit);
  }

  #presumed(debit: ReceivedDebit): StandingName {
    const rivals = this.records.filter((one) => this.#isPending(one) && sameCounter(one, debit));
    if (isBank(debit)) return this.#presumedOfBank(debit, rivals);
    const vouched = rivals.some((rival) => this.#isVouched(rival));
    if (!vouched && !rivals.some((rival) => this.#fit(rival) > 0)) return 'unconfirmed';
    const likeliest = rivals.sort(
      (a, b) =>
        this.#fit(b) - this.#fit(a) ||
        b.instantMs - a.instantMs ||
        Buffer.compare(Buffer.from(b.gateId), Buffer.from(a.gateId)) ||
        b.gateSequence - a.gateSequence,
    )[0]!;
    return likeliest === debit ? 'presumedPosted' : 'presumedVoided';
  }

  #presumedOfBank(debit: ReceivedDebit, rivals: readonly ReceivedDebit[]): StandingName {
    const likely = rivals.filter(
      (rival) => this.#isVouched(rival) || this.#fell(rival) === 'presumedPosted',
    );
    if (likely.length === 0) return this.#fell(debit);
    const latest = likely.toSorted(
      (a, b) =>
        b.instantMs - a.instantMs ||
        Buffer.compare(Buffer.from(b.gateId), Buffer.from(a.gateId)) ||
        b.gateSequence - a.gateSequence,
    )[0]!;
    return latest === debit ? 'presumedPosted' : 'presumedVoided';
  }

  /** By how the balance of a bank card fell from this debit to the first that told it again. */
  #fell(debit: ReceivedDebit): StandingName {
    const above = this.records.filter(
      (one) =>
        (this.#isHeld(one) || isSighting(one)) &&
        purseOf(one) === purseOf(debit) &&
        one.offlineCounter > debit.offlineCounter,
    );
    if (debit.amountMinor === 0) return 'unconfirmed';
    const counters = [...new Set(above.map((one) => one.offlineCounter))].sort((a, b) => a - b);
    const speaking = counters
      .slice(0, 16)
      .map((counter) => above.filter((one) => one.offlineCounter === counter))
      .find((group) => group.some((one) => one.balanceBeforeMinor > 0 || one.amountMinor > 0));
    const told = (speaking ?? []).filter((one) => one.balanceBeforeMinor > 0);
    const words = new Set(told.map((one) => `${one.currency} ${one.balanceBeforeMinor}`));
    const hidden = speaking?.some((one) => one.balanceBeforeMinor === 0 && one.amountMinor > 0);
    if (words.size !== 1 || hidden || debit.balanceBeforeMinor === 0) return 'unconfirmed';
    const { balanceBeforeMinor, amountMinor, currency } = debit;
    if (words.has(`${currency} ${balanceBeforeMinor}`)) return 'presumedVoided';
    const left = `${currency} ${balanceBeforeMinor - amountMinor}`;
    return words.has(left) ? 'presumedPosted' : 'unconfirmed';
  }

  #isVouched(debit: ReceivedDebit): boolean {
    const isWhole = debit.tac === 'valid' || debit.tac === 'passedThrough';
    if (debit.transactionType === 0xe0 && isWhole) return true;
    return this.records.some(
      (one) =>
        one.refersTo !== null &&
        idOf(one.refersTo) === idOf(debit) &&
        isVouch(one) &&
        speaksOf(one, debit),
    );
  }

  /** How well what is known above fits a rival: 2 to the last unit, 1 with a load, 0 not. */
  #fit(rival: ReceivedDebit): number {
    const later = this.records.filter(
      (one) =>
        (this.#isHeld(one) || isSighting(one)) &&
        purseOf(one) === purseOf(rival) &&
        one.offlineCounter > rival.offlineCounter,
    );
    const nearest = Math.min(...later.map((one) => one.offlineCounter));
    const readings = later.filter((above) => above.offlineCounter === nearest);
    return Math.max(0, ...readings.map((above) => this.#fitOf(rival, above)));
  }

  #fitOf(rival: ReceivedDebit, above: ReceivedDebit): number {
    if (above.offlineCounter > rival.offlineCounter + 1) return 1;
    if (above.currency !== rival.currency) return 0;
    const left = rival.balanceBeforeMinor - rival.amountMinor;
    if (above.balanceBeforeMinor === left) return 2;
    const unmoved = above.balanceBeforeMinor === rival.balanceBeforeMinor;
    return above.balanceBeforeMinor < left || unmoved ? 0 : 1;
  }

  /** Balances that are not zero, by `kind:issuer currency`. */
  balances(): Map<string, number> {
    const sums = new Map<string, number>();
    const add = (name: string, amountMinor: number) => {
      const sum = (sums.get(name) ?? 0) + amountMinor;
      if (sum === 0) sums.delete(name);
      else sums.set(name, sum);
    };
    for (const debit of this.records) {
      const standing = this.#standing(debit);
      const posted = standing === 'posted' || standing === 'presumedPosted';
      if (!posted && standing !== 'suspended') continue;
      add(`receivable:${debit.issuer} ${debit.currency}`, debit.amountMinor);
      const passed = standing === 'posted' && debit.tac === 'passedThrough';
      const paidBy = isBank(debit) ? 'clearing' : 'float';
      const against = passed ? 'passedThrough' : posted ? paidBy : 'suspense';
      add(`${against}:${debit.issuer} ${debit.currency}`, -debit.amountMinor);
    }
    return sums;
  }

  /** Upper and lower debit of each adjacent pair whose balances do not meet. */
  balanceBreaks(): string[] {
    const held = this.records.filter((one) => this.#isHeld(one));
    return held.flatMap((above) =>
      held
        .filter(
          (below) =>
            !isBank(above) &&
            purseOf(below) === purseOf(above) &&
            below.offlineCounter + 1 === above.offlineCounter &&
            (below.currency !== above.currency ||
              above.balanceBeforeMinor < below.balanceBeforeMinor - below.amountMinor),
        )
        .map((below) => `${idOf(above)} after ${idOf(below)}`),
    );
  }

  acknowledgedThrough(gateId: string): number {
    let through = 0;
    while (this.#byId({ gateId, gateSequence: through + 1 })) through++;
    return through;
  }
}

/** No link, but its tap read the counter. */
function isSighting(debit: ReceivedDebit): boolean {
  if (isForged(debit)) return false;
  return debit.kind === DebitKind.debit && debit.state !== DebitState.confirmed;
}

/** Torn, with a cryptogram that is no card's. */
function isForged(debit: ReceivedDebit): boolean {
  return debit.state === DebitState.unconfirmed && debit.tac === 'invalid';
}

/** Confirmed without a TAC: a reading of the card's state. */
function isVouch(settlement: ReceivedDebit): boolean {
  return settlement.state === DebitState.confirmed && settlement.tac === 'none';
}

function sameCounter(a: ReceivedDebit, b: ReceivedDebit): boolean {
  return purseOf(a) === purseOf(b) && a.offlineCounter === b.offlineCounter;
}

function speaksOf(settlement: ReceivedDebit, debit: ReceivedDebit): boolean {
  if (!sameCounter(settlement, debit)) return false;
  if (settlement.state === DebitState.void) return true;
  return (
    settlement.state === DebitState.confirmed &&
    settlement.amountMinor === debit.amountMinor &&
    settlement.balanceBeforeMinor === debit.balanceBeforeMinor &&
    settlement.currency === debit.currency
  );
}
