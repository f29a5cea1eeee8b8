/**
 * One tap at a gate, from the card's detection to the decision (DESIGN: "One tap"): SELECT, READ
 * RECORD, the rules, INITIALIZE FOR CAPP PURCHASE, UPDATE CAPP DATA CACHE, DEBIT: five commands for
 * an entry and for an exit.
 */
import type { CardFault } from '../card/dialogue.ts';
import { isWhole } from '../card/exchange.ts';
import { journeyRead, journeyReadLate, readJourneyAsk } from '../card/purse/dialogues.ts';
import { fillJourney } from '../card/journey-form.ts';
import { purseIn, selectAsk, selectPurse } from '../card/purse/select-purse.ts';
import { cardNumber, keyRef, riderClass, type SelectedPurse } from '../card/purse/selected.ts';
import { type Debit, NOTHING_IN_FORCE, TapKind } from '../debit/record.ts';
import type { CompiledFares } from '../fare/fares.ts';
import { TAP_RECOVERY_WINDOW_MS } from '../limits.ts';
import { writeLocalDateTime } from '../time.ts';
import { checkCard } from './card-check.ts';
import { type CountedTap, countRide, fillCounters } from './counting.ts';
import { type DebitRequest, faultOutcome } from './debit-card.ts';
import { type Decision, refuse, type TapDialogue, type TapRun } from './decision.ts';
import { mayRideExpired, ridesExpired } from './expiry.ts';
import { journeyOf, wroteJourney } from './journey.ts';
import { planUnderModes } from './mode-plan.ts';
import { atTheDoor, NORMAL } from './modes.ts';
import { type Quoted, runPhases } from './phases.ts';
import { type LastJourney, type Plan, planEntry, planExit, planSingle } from './plan.ts';
import type { Reason } from './reasons.ts';
import type { PendingDebit, Side, TapSetting } from './setting.ts';
import { type SettlementSlot, settleByProof } from './settle.ts';

const NO_STATION = new Uint8Array(4);

const tapKinds: Readonly<Record<Side, TapKind>> = {
  entry: TapKind.entry,
  exit: TapKind.exit,
  single: TapKind.purchase,
};

/**
 * @param instantMs when the card was detected, by the gate's clock.
 * @param sequence the gate sequence that the first intent of this tap takes.
 */
export function tap(setting: TapSetting, instantMs: number, sequence: number): TapRun {
  return runPhases(quoteTap(setting, instantMs, sequence));
}

function* quoteTap(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
): TapDialogue<Decision | Quoted> {
  const tapKind = tapKinds[setting.side];
  const door = atTheDoor(modeOf(setting), setting.side);
  if (door) return { ...refuse(tapKind, door, ''), open: door === 'released' };
  const fares = setting.fares.at(instantMs);
  if (!fares) return refuse(tapKind, 'faresMissing', '');
  const first = setting.profiles[0]!;
  const selected = yield selectAsk(first);
  const purse = purseIn(first, selected) ?? (yield* selectPurse(setting.profiles, selected));
  if ('fault' in purse) return unselected(tapKind, purse);
  const dateTime = new Uint8Array(7);
  writeLocalDateTime(setting.zone, instantMs, dateTime, 0);
  const unfit = checkCard(purse, dateTime);
  const isOver = unfit === 'expired' && mayRideExpired(modeOf(setting), setting.side);
  if (unfit && !isOver) return refuse(tapKind, unfit, '');

  if (!purse.profile.journey) return refuse(tapKind, 'cardUnsupported', purse.profile.name);
  const number = cardNumber(purse);
  const key = keyRef(purse);
  let denylisted = false;
  const asked = readJourneyAsk(purse.profile, () => {
    denylisted = setting.denylist.has(number, 0);
    if (!denylisted) setting.prepareKey(key);
  });
  const answered = yield asked;
  const record = isWhole(answered)
    ? journeyRead(purse.profile, answered)
    : yield* journeyReadLate(purse.profile, asked, answered);
  if (record !== 'absent' && 'fault' in record) return faulty(tapKind, record);
  const journey = record === 'absent' ? null : record;
  const last = journeyOf(purse.profile, journey, fares, setting.zone);
  const over = isOver && !ridesThough(setting, purse, fares, last, instantMs);
  const found = setting.findUnconfirmed(number);
  const pending = found?.debit ?? null;
  const pendingOnCard = found !== null && wroteJourney(purse.profile, journey, found.debit);
  // Whose debit is on the card has paid in time: what is left of that tap comes first.
  if (over && !pendingOnCard) return refuse(tapKind, 'expired', '');
  if (denylisted) return refuse(tapKind, 'denylisted', '');

  const inForce = setting.inForce ?? NOTHING_IN_FORCE;
  const slot = { gateId: setting.gateId, sequence, instantMs, dateTime, inForce };
  const recovery = pendingOnCard ? yield* recover(setting, slot, purse, found, tapKind) : null;
  if (recovery && 'reason' in recovery) return recovery;
  const settled = recovery;
  // A station's index is one of its fare version.
  const priced = faresOf(setting, fares, last);
  const read = priced === fares ? last : journeyOf(purse.profile, journey, priced, setting.zone);
  const ride = unopened(setting, read, settled, tapKind);
  const request = over
    ? 'expired'
    : quote(setting, priced, purse, journey, ride, {
        gateId: setting.gateId,
        sequence: sequence + (settled ? 1 : 0),
        instantMs,
        dateTime,
        tapKind,
        cardNumber: number,
        key,
        pending: settled ? null : pending,
        inForce,
        pendingOnCard,
      });
  if (typeof request !== 'string') return { purse, request, settlement: settled, settled: pending };
  const decision = refuse(tapKind, request, '');
  if (!settled) return decision;
  return { ...decision, closed: [settled], settled: pending };
}

/**
 * The card's journey record is the one the pending debit wrote. Ends in the decision where that
 * debit is what this tap wants; else in its settlement, or null where the card proves nothing.
 */
function* recover(
  setting: TapSetting,
  slot: SettlementSlot,
  purse: SelectedPurse,
  { debit: pending, ageMs }: PendingDebit,
  tapKind: TapKind,
): TapDialogue<Decision | Debit | null> {
  const proven = yield* settleByProof(slot, purse, pending);
  if (proven === 'cardGone') return refuse(tapKind, 'cardGone', 'GET TRANSACTION PROVE');
  const awaited = opensFor(setting, pending, ageMs, tapKind);
  if (proven === 'unproven') {
    // Charging anew could charge twice, opening could let a forged card through.
    return awaited ? refuse(tapKind, 'mac2Invalid', 'GET TRANSACTION PROVE') : null;
  }
  yield { ask: 'intent', debit: proven };
  return awaited ? recovered(tapKind, pending, proven) : proven;
}

function faulty(tapKind: TapKind, fault: CardFault): Decision {
  const { reason, detail } = faultOutcome(fault);
  return refuse(tapKind, reason, detail);
}

/** No application of a scheme in force. */
function unselected(tapKind: TapKind, fault: CardFault): Decision {
  const { reason, detail } = faultOutcome(fault);
  return refuse(tapKind, reason === 'cardRefused' ? 'cardUnsupported' : reason, detail);
}

type Slot = Pick<
  DebitRequest,
  | 'gateId'
  | 'sequence'
  | 'instantMs'
  | 'dateTime'
  | 'tapKind'
  | 'pending'
  | 'pendingOnCard'
  | 'cardNumber'
  | 'key'
  | 'inForce'
>;

/** What to debit, or why nothing is. */
function quote(
  setting: TapSetting,
  fares: CompiledFares,
  purse: SelectedPurse,
  journey: Uint8Array | null,
  last: LastJourney,
  slot: Slot,
): DebitRequest | Reason {
  const { profile } = purse;
  const { tapKind, instantMs } = slot;
  const rider = riderIndex(fares, riderClass(purse));
  const plan = planTap(setting, fares, last, rider, instantMs);
  if (plan.reason !== null) return plan.reason;
  const { minimumBalanceMinor } = plan;
  const { layout } = profile.journey!;
  const counted =
    layout.counters.length === 0
      ? null
      : countRide(
          { ...ridden(setting), fares, rider, last, nowMs: instantMs },
          layout,
          journey,
          plan,
        );
  const amountMinor = counted ? counted.amountMinor : plan.amountMinor;
  if (amountMinor > profile.maxAmountMinor) return 'amountOverLimit';
  const inside = last.where === 'inside';
  const form = setting.buffers.of(profile).journey![setting.side];
  return {
    kind: 'capp',
    gateId: slot.gateId,
    tapKind,
    sequence: slot.sequence,
    instantMs,
    dateTime: slot.dateTime,
    terminalId: setting.terminalId,
    amountMinor,
    minimumBalanceMinor,
    fromStation: inside ? (fares.stations[last.station]?.code ?? NO_STATION) : NO_STATION,
    toStation: setting.place.station,
    entryInstantMs: inside && tapKind === TapKind.exit && last.instantMs > 0 ? last.instantMs : 0,
    fareVersion: fares.version,
    rider,
    journey: (balanceMinor, out, at) => {
      fillJourney(form, journey, amountMinor, balanceMinor, slot.dateTime, out, at);
      if (counted) fillCounters(layout, counted.counters, out, at);
    },
    cardNumber: slot.cardNumber,
    key: slot.key,
    buffers: setting.buffers,
    pending: slot.pending,
    inForce: slot.inForce,
    pendingOnCard: slot.pendingOnCard,
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

function modeOf(setting: TapSetting): number {
  return setting.modes?.mode ?? NORMAL;
}

/** Whether an expired card may ride all the same. */
function ridesThough(
  setting: TapSetting,
  purse: SelectedPurse,
  fares: CompiledFares,
  last: LastJourney,
  nowMs: number,
): boolean {
  const { side, zone, modes } = setting;
  return ridesExpired(purse, {
    mode: modeOf(setting),
    history: modes?.history ?? null,
    side,
    zone,
    last,
    enteredAt: fares.stations[last.station]?.code ?? null,
    nowMs,
  });
}

function planTap(
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
 * Whether the debit that is now proven is what this tap wants: then the rider goes through. Whoever
 * has paid to leave or to ride here and not been let through may do so at any later time; an entry
 * is old after a while, and then begins anew (`unopened`).
 */
function opensFor(setting: TapSetting, pending: Debit, ageMs: number, tapKind: TapKind): boolean {
  if (!isSameTap(setting, pending, tapKind)) return false;
  return tapKind !== TapKind.entry || ageMs <= TAP_RECOVERY_WINDOW_MS;
}

function isSameTap(setting: TapSetting, pending: Debit, tapKind: TapKind): boolean {
  if (pending.tapKind !== tapKind) return false;
  return setting.place.station.every((byte, i) => byte === pending.toStation[i]);
}

/** The last journey as it was before an entry that is on the card and that no gate opened for. */
function unopened(
  setting: TapSetting,
  last: LastJourney,
  settled: Debit | null,
  tapKind: TapKind,
): LastJourney {
  const isEntry = settled !== null && tapKind === TapKind.entry;
  if (!isEntry || !isSameTap(setting, settled, tapKind)) return last;
  return { where: 'none', station: -1, instantMs: Number.NaN };
}

function recovered(tapKind: TapKind, pending: Debit, proven: Debit): Decision {
  return {
    open: true,
    reason: 'recovered',
    detail: `sequence ${pending.gateSequence} of ${pending.gateId}`,
    tapKind,
    amountMinor: 0,
    balanceMinor: pending.balanceBeforeMinor - pending.amountMinor,
    closed: [proven],
    unconfirmed: null,
    settled: pending,
  };
}
