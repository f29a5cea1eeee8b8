/**
 * Offline pre-authorisation at gates (docs/ecash.md): an entry holds on the card what a ride may
 * cost, the exit takes the fare of it, and the card gives back the rest. Holding takes no money:
 * its debit is of nothing. Whoever comes with a hold open completes it, whatever the gate's own
 * setting; an entry that does so holds nothing anew, for a tap is one transaction. Pure rules, no
 * card.
 *
 * Where a hold is open, the balance here is with what is held: the card's own money, as it is
 * before and after a ride. So a debit says what the ride took, and from what, as other families'
 * do.
 */
import { type JourneyLayout, journeyType, readUint, writeUint } from '../card/journey-record.ts';
import { availableMinor } from '../card/qpboc/card-data.ts';
import { hasService, type OpenedCard } from '../card/qpboc/extended/segmented.ts';
import type { EcashTransaction } from '../card/qpboc/transaction.ts';
import { COMPLETION_SERVICE, HOLD_SERVICE, type Hold } from '../debit/hold.ts';
import type { Debit } from '../debit/record.ts';
import type { CompiledFares } from '../fare/fares.ts';
import type { TapScene } from './judge.ts';
import type { DebitRequest } from './request.ts';
import type { BankSetting, ExtendedSetting, HoldRule } from './setting.ts';

/** DF60: a segmented fare. */
const SEGMENTED_SERVICE = 1;

/** What a card is asked for. */
export interface JourneyAsk {
  /** DF60. */
  readonly service: 1 | 2 | 3;
  /** 9F02. */
  readonly amountMinor: number;
  /** Open on the card before; 0: nothing. */
  readonly openMinor: number;
  readonly hold: Hold | null;
  /** The debit with it; null: none. */
  readonly request: DebitRequest | null;
}

export interface JourneyPurchase extends JourneyAsk {
  readonly request: DebitRequest;
}

/** What is held on a card, as its record says; 0: nothing. */
function heldOn(layout: JourneyLayout, record: Uint8Array): number {
  return journeyType(layout, record) === 'entry' ? readUint(record, layout.maxIncompleteAmount) : 0;
}

/** Nothing is to be paid: the card is asked who it is, and keeps what it holds. */
export function askNothing({ profile }: ExtendedSetting, { record }: OpenedCard): JourneyAsk {
  const openMinor = heldOn(profile.layout, record);
  return { service: SEGMENTED_SERVICE, amountMinor: 0, openMinor, hold: null, request: null };
}

/** How a ride is asked for: as a hold, its completion, or a segmented fare. */
export function askFor(
  { setting, fares }: TapScene,
  bank: BankSetting,
  opened: OpenedCard,
  request: DebitRequest,
): JourneyPurchase {
  const { profile, hold } = bank.extended!;
  const { layout } = profile;
  const openMinor = heldOn(layout, opened.record);
  const dueMinor = request.amountMinor;
  if (openMinor > 0) {
    // More than is held is not taken: what is missing is told by the evidence.
    const amountMinor = Math.min(dueMinor, openMinor);
    return {
      service: COMPLETION_SERVICE,
      amountMinor,
      openMinor,
      hold: { heldMinor: openMinor, dueMinor },
      request: { ...request, amountMinor, journey: written(layout, request, amountMinor, 0) },
    };
  }
  const mayHold = setting.side === 'entry' && hold !== undefined && dueMinor === 0;
  if (mayHold && hasService(opened, profile, HOLD_SERVICE)) {
    const wantedMinor = amountToHold(hold, fares, setting.place.station, request.rider);
    // A fare over this is refused.
    const heldMinor = Math.min(wantedMinor, bank.maxAmountMinor);
    if (heldMinor > 0) return holding(layout, request, heldMinor);
  }
  const { amountMinor } = request;
  return { service: SEGMENTED_SERVICE, amountMinor, openMinor: 0, hold: null, request };
}

function holding(layout: JourneyLayout, request: DebitRequest, heldMinor: number): JourneyPurchase {
  const minimumBalanceMinor = Math.max(request.minimumBalanceMinor, heldMinor);
  const journey = written(layout, request, 0, heldMinor);
  return {
    service: HOLD_SERVICE,
    amountMinor: heldMinor,
    openMinor: 0,
    hold: { heldMinor, dueMinor: 0 },
    request: { ...request, minimumBalanceMinor, journey },
  };
}

/** The record with what was taken and what is held. */
function written(
  layout: JourneyLayout,
  { journey }: DebitRequest,
  amountMinor: number,
  heldMinor: number,
): DebitRequest['journey'] {
  return (balanceMinor, out, at) => {
    journey!(balanceMinor, out, at);
    writeUint(out, at, layout.amount, amountMinor);
    writeUint(out, at, layout.maxIncompleteAmount, heldMinor);
  };
}

/** @param station code, 4 bytes, of the fares. @param rider index of the class */
function amountToHold(
  hold: HoldRule,
  fares: CompiledFares,
  station: Uint8Array,
  rider: number,
): number {
  if (hold !== 'maxFare') return hold;
  return mostFrom(fares, fares.stationByCode(station, 0), rider);
}

/**
 * The most that a ride from a station (index) may cost a rider (index): its dearest fare, and the
 * amounts that take a fare's place where the rules have such.
 */
export function mostFrom(fares: CompiledFares, station: number, rider: number): number {
  const { sameStationMinutes, sameStationMinor, maxMinutes, overstayMinor } = fares.rules;
  let mostMinor = sameStationMinutes > 0 ? sameStationMinor : 0;
  if (sameStationMinutes > 0 || maxMinutes > 0) mostMinor = Math.max(mostMinor, overstayMinor);
  for (let to = 0; to < fares.stations.length; to++) {
    mostMinor = Math.max(mostMinor, fares.fareMinor(station, to, rider));
  }
  return mostMinor;
}

/**
 * The card's money before the purchase, with what it holds; null: it does not tell, or has spent
 * all of it and perhaps some of its segment limit.
 */
export function ownMinor(
  { options, elements }: EcashTransaction,
  { service, amountMinor, openMinor }: JourneyAsk,
): number | null {
  const available = availableMinor(elements);
  if (available === null) return null;
  const isTaken = options.kind === 'TC';
  // A hold takes what is there, and no limit.
  const mayOwe = isTaken && amountMinor > 0 && service !== HOLD_SERVICE;
  if (mayOwe && available === 0) return null;
  const stillHeld = isTaken && service === COMPLETION_SERVICE ? 0 : openMinor;
  const own = available + (isTaken ? amountMinor : 0) + stillHeld;
  return own <= 0xffff_ffff ? own : null;
}

/**
 * The balance that the debit tells. None where all of a hold is taken: a purchase elsewhere finds
 * the same balance whether it was or is still held.
 */
export function toldMinor(own: number | null, asked: JourneyAsk): number | null {
  const { service, amountMinor, openMinor } = asked;
  return service === COMPLETION_SERVICE && amountMinor === openMinor ? null : own;
}

/**
 * Whether the exit that is pending would have ended the very ride that this one ends: the card
 * approved that its hold is completed, which it does once.
 */
export function endsSameRide(
  { options }: EcashTransaction,
  { service, request }: JourneyAsk,
  pending: Debit,
): boolean {
  if (request === null) return false;
  const { entryInstantMs, fromStation } = request;
  return (
    service === COMPLETION_SERVICE &&
    options.kind === 'TC' &&
    entryInstantMs > 0 &&
    entryInstantMs === pending.entryInstantMs &&
    fromStation.every((byte, i) => byte === pending.fromStation[i])
  );
}
