/**
 * The rules of a tap at a gate, whatever the card's family: what speaks against the card once its
 * journey record is read, what to debit, and which earlier debit opens the gate. No card here.
 */
import { fillJourney, type JourneyForm } from '../card/journey-form.ts';
import type { JourneyLayout } from '../card/journey-record.ts';
import { type Debit, DebitState, TapKind } from '../debit/record.ts';
import { TAP_RECOVERY_WINDOW_MS } from '../durations.ts';
import type { CompiledFares } from '../fare/fares.ts';
import { type CountedTap, countRide, fillCounters } from './counting.ts';
import type { Decision } from './decision.ts';
import { ridesExpired } from './expiry.ts';
import { journeyOf, wroteJourney } from './journey.ts';
import { planUnderModes } from './mode-plan.ts';
import { NORMAL } from './modes.ts';
import { type LastJourney, type Plan, planEntry, planExit, planSingle } from './plan.ts';
import type { Reason } from './reasons.ts';
import type { DebitRequest } from './request.ts';
import type { PendingDebit, Side, TapSetting } from './setting.ts';
import type { SettlementSlot } from './settle.ts';

/** Code of no station, 4 bytes. */
export const NO_STATION: Uint8Array = new Uint8Array(4);

export const tapKinds: Readonly<Record<Side, TapKind>> = {
  entry: TapKind.entry,
  exit: TapKind.exit,
  single: TapKind.purchase,
};

/** A tap before its card is known. `sequence` is that of its first intent. */
export interface TapScene extends SettlementSlot {
  readonly setting: TapSetting;
  readonly tapKind: TapKind;
  /** In force now. */
  readonly fares: CompiledFares;
}

/** A card as the rules see it. */
export interface SeenCard {
  /** 10 bytes. */
  readonly number: Uint8Array;
  readonly layout: JourneyLayout;
  /** Null: it has none. */
  readonly record: Uint8Array | null;
  readonly denylisted: boolean;
  /** Last day of a card that has run out, YYYYMMDD; null: it is valid. */
  readonly expiredOn: number | null;
  /** Name of the rider's class; null: the fare set's default. */
  readonly riderClass: string | null;
  readonly maxAmountMinor: number;
}

/** What is known of a card that nothing speaks against so far. */
export interface Judged {
  readonly last: LastJourney;
  readonly found: PendingDebit | null;
  /** Its journey record is the one that the pending debit wrote. */
  readonly pendingOnCard: boolean;
  /** It has run out and rides no more, once what is pending on it is settled. */
  readonly over: boolean;
}

/** What speaks against the card, or what is known of it. */
export function judge(scene: TapScene, card: SeenCard): Judged | Reason {
  const { setting, fares } = scene;
  const { layout, record } = card;
  const last = journeyOf(layout, record, fares, setting.zone);
  const over = card.expiredOn !== null && !ridesThough(scene, card.expiredOn, last);
  const found = setting.findUnconfirmed(card.number);
  const pendingOnCard = found !== null && wroteJourney(layout, record, found.debit);
  // Whose debit is on the card has paid in time: what is left of that tap comes first.
  if (over && !pendingOnCard) return 'expired';
  if (card.denylisted) return 'denylisted';
  return { last, found, pendingOnCard, over };
}

/**
 * What to debit, or why nothing is.
 * @param settlement of the pending debit, which took the tap's first sequence; null: it is pending.
 */
export function price(
  scene: TapScene,
  card: SeenCard,
  { last, found, pendingOnCard, over }: Judged,
  settlement: Debit | null,
  form: JourneyForm,
): DebitRequest | Reason {
  const { setting, fares } = scene;
  // A station's index is one of its fare version.
  const priced = faresOf(setting, fares, last);
  const read = priced === fares ? last : journeyOf(card.layout, card.record, priced, setting.zone);
  const ride = unopened(scene, read, settlement);
  if (over) return 'expired';
  const pending = settlement ? null : (found?.debit ?? null);
  return quote(scene, priced, card, ride, settlement !== null, pending, pendingOnCard, form);
}

function quote(
  scene: TapScene,
  fares: CompiledFares,
  card: SeenCard,
  last: LastJourney,
  isBehind: boolean,
  pending: Debit | null,
  pendingOnCard: boolean,
  form: JourneyForm,
): DebitRequest | Reason {
  const { setting, tapKind, instantMs, dateTime } = scene;
  const { layout, record } = card;
  const rider = riderIndex(fares, card.riderClass);
  const plan = planTap(setting, fares, last, rider, instantMs);
  if (plan.reason !== null) return plan.reason;
  // A fare may take a card below zero, an entry may not begin there.
  const minimumBalanceMinor =
    setting.side === 'entry'
      ? plan.minimumBalanceMinor
      : plan.minimumBalanceMinor - (fares.rules.negativeBalanceMinor ?? 0);
  const counted =
    layout.counters.length === 0
      ? null
      : countRide(
          { ...ridden(setting), fares, rider, last, nowMs: instantMs },
          layout,
          record,
          plan,
        );
  const amountMinor = counted ? counted.amountMinor : plan.amountMinor;
  if (amountMinor > card.maxAmountMinor) return 'amountOverLimit';
  const inside = last.where === 'inside';
  return {
    gateId: setting.gateId,
    tapKind,
    sequence: scene.sequence + (isBehind ? 1 : 0),
    instantMs,
    dateTime,
    terminalId: setting.terminalId,
    amountMinor,
    minimumBalanceMinor,
    fromStation: inside ? (fares.stations[last.station]?.code ?? NO_STATION) : NO_STATION,
    toStation: setting.place.station,
    entryInstantMs: inside && tapKind === TapKind.exit && last.instantMs > 0 ? last.instantMs : 0,
    fareVersion: fares.version,
    rider,
    journey: (balanceMinor, out, at) => {
      fillJourney(form, record, amountMinor, balanceMinor, dateTime, out, at);
      if (counted) fillCounters(layout, counted.counters, out, at);
    },
    cardNumber: card.number,
    pending,
    inForce: scene.inForce,
    pendingOnCard,
  };
}

function ridden({
  side,
  zone,
  network = '',
}: TapSetting): Pick<CountedTap, 'side' | 'zone' | 'network'> {
  return { side, zone, network };
}

/** A ride is priced by the version in force when it began, as `quote` does. */
function faresOf(setting: TapSetting, now: CompiledFares, last: LastJourney): CompiledFares {
  if (setting.side !== 'exit' || last.where !== 'inside') return now;
  return setting.fares.at(last.instantMs) ?? now;
}

/** A class the fare set does not have pays as the default one. */
function riderIndex(fares: CompiledFares, name: string | null): number {
  return name === null ? 0 : Math.max(0, fares.riders.indexOf(name));
}

export function modeOf(setting: TapSetting): number {
  return setting.modes?.mode ?? NORMAL;
}

/** Whether an expired card may ride all the same. @param expiredOn YYYYMMDD */
export function ridesThough(
  { setting, fares, instantMs: nowMs }: TapScene,
  expiredOn: number,
  last: LastJourney,
): boolean {
  const { side, zone, modes } = setting;
  return ridesExpired(expiredOn, {
    mode: modeOf(setting),
    history: modes?.history ?? null,
    side,
    zone,
    last,
    enteredAt: fares.stations[last.station]?.code ?? null,
    nowMs,
  });
}

/** What the rules say of a card with this last journey. */
export function planTap(
  setting: TapSetting,
  fares: CompiledFares,
  last: LastJourney,
  rider: number,
  instantMs: number,
): Plan {
  const here = fares.stationByCode(setting.place.station, 0);
  if (here < 0) return { reason: 'stationUnknown' };
  const { side, modes } = setting;
  if (modes && (modes.mode !== NORMAL || !modes.history.isEmpty)) {
    const { mode, history } = modes;
    return planUnderModes({ side, mode, history, fares, last, here, rider, nowMs: instantMs });
  }
  if (side === 'exit') return planExit(fares, last, here, rider, instantMs);
  return side === 'single'
    ? planSingle(fares, last, here, rider, instantMs)
    : planEntry(fares, last, here, instantMs);
}

/**
 * Whether the debit that is now settled as committed is what this tap wants: then the rider goes
 * through. Whoever has paid to leave or to ride here and not been let through may do so at any
 * later time; an entry is old after a while, and then begins anew (`unopened`).
 */
export function opensFor(scene: TapScene, { debit, ageMs }: PendingDebit): boolean {
  if (!isSameTap(scene, debit)) return false;
  return scene.tapKind !== TapKind.entry || ageMs <= TAP_RECOVERY_WINDOW_MS;
}

function isSameTap({ setting, tapKind }: TapScene, pending: Debit): boolean {
  if (pending.tapKind !== tapKind) return false;
  return setting.place.station.every((byte, i) => byte === pending.toStation[i]);
}

/** The last journey as it was before an entry that is on the card and that no gate opened for. */
function unopened(scene: TapScene, last: LastJourney, settlement: Debit | null): LastJourney {
  if (settlement === null || settlement.state !== DebitState.confirmed) return last;
  if (scene.tapKind !== TapKind.entry || !isSameTap(scene, settlement)) return last;
  return { where: 'none', station: -1, instantMs: Number.NaN };
}

export function recovered(tapKind: TapKind, pending: Debit, proven: Debit): Decision {
  return {
    open: true,
    reason: 'recovered',
    detail: `sequence ${pending.gateSequence} of ${pending.gateId}`,
    tapKind,
    amountMinor: 0,
    balanceMinor: pending.balanceBeforeMinor - pending.amountMinor,
    closed: [proven],
    evidence: null,
    unconfirmed: null,
    settled: pending,
  };
}
