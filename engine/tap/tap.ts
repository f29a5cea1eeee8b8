/**
 * One tap at a gate, from the card's detection to the decision (DESIGN: "One tap"). The families in
 * force are tried in the gate's order. Of a purse: SELECT, READ RECORD, the rules, INITIALIZE FOR
 * CAPP PURCHASE, UPDATE CAPP DATA CACHE, DEBIT: five commands for an entry and for an exit.
 */
import type { CardFault } from '../card/dialogue.ts';
import { isWhole } from '../card/exchange.ts';
import { journeyRead, journeyReadLate, readJourneyAsk } from '../card/purse/dialogues.ts';
import { purseIn, selectAsk, selectPurse } from '../card/purse/select-purse.ts';
import {
  cardNumber,
  expiryDate,
  keyRef,
  riderClass,
  type SelectedPurse,
} from '../card/purse/selected.ts';
import type { Debit, TapKind } from '../debit/record.ts';
import { writeLocalDateTime } from '../time.ts';
import { bankTap } from './bank-tap.ts';
import { checkCard } from './card-check.ts';
import { type Decision, refuse, type TapDialogue, type TapRun } from './decision.ts';
import { desfireTap } from './desfire-tap.ts';
import { ecashJourney } from './ecash-journey.ts';
import { mayRideExpired } from './expiry.ts';
import { faultOutcome } from './fault.ts';
import {
  judge,
  modeOf,
  opensFor,
  price,
  recovered,
  type SeenCard,
  type TapScene,
  tapKinds,
} from './judge.ts';
import { kernelCard } from './kernel-tap.ts';
import { type Quoted, runPhases } from './phases.ts';
import { sceneOf, unasked } from './scene.ts';
import { type CardFamily, cardFamilies, type PendingDebit, type TapSetting } from './setting.ts';
import { settleByProof } from './settle.ts';

const NO_UID = new Uint8Array(0);

/**
 * @param instantMs when the card was detected, by the gate's clock.
 * @param sequence the gate sequence that the first intent of this tap takes.
 * @param linkUid what anticollision gave; empty where the link has none.
 */
export function tap(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  linkUid: Uint8Array = NO_UID,
): TapRun {
  return runPhases(quoteTap(setting, instantMs, sequence, linkUid));
}

function* quoteTap(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  linkUid: Uint8Array,
): TapDialogue<Decision | Quoted> {
  const { side, families = cardFamilies } = setting;
  const tapKind = tapKinds[side];
  const scene = sceneOf(setting, instantMs, sequence);
  if (typeof scene === 'string') return unasked(tapKind, scene);
  const first = setting.profiles[0];
  let purse: SelectedPurse | null = null;
  let missed: Decision | null = null;
  for (const family of families) {
    if (family !== 'purse') {
      const decision = yield* tapOther(scene, family, linkUid);
      if (decision) return decision;
    } else if (first !== undefined) {
      const selected = yield selectAsk(first);
      const found = purseIn(first, selected) ?? (yield* selectPurse(setting.profiles, selected));
      writeLocalDateTime(setting.zone, instantMs, scene.dateTime, 0);
      if (!('fault' in found)) {
        purse = found;
        break;
      }
      missed = unselected(tapKind, found);
      if (found.fault === 'gone') return missed;
    }
  }
  if (purse === null) return missed ?? refuse(tapKind, 'cardUnsupported', '');
  const unfit = checkCard(purse, scene.dateTime);
  const isOver = unfit === 'expired' && mayRideExpired(modeOf(setting), side);
  if (unfit && !isOver) return refuse(tapKind, unfit, '');

  const { profile } = purse;
  if (!profile.journey) return refuse(tapKind, 'cardUnsupported', profile.name);
  const number = cardNumber(purse);
  const key = keyRef(purse);
  let denylisted = false;
  const asked = readJourneyAsk(profile, () => {
    denylisted = setting.denylist.has(number, 0);
    if (!denylisted) setting.prepareKey(key);
  });
  const answered = yield asked;
  const record = isWhole(answered)
    ? journeyRead(profile, answered)
    : yield* journeyReadLate(profile, asked, answered);
  if (record !== 'absent' && 'fault' in record) return faulty(tapKind, record);
  const card: SeenCard = {
    number,
    layout: profile.journey.layout,
    record: record === 'absent' ? null : record,
    denylisted,
    expiredOn: isOver ? expiryDate(purse) : null,
    riderClass: riderClass(purse),
    maxAmountMinor: profile.maxAmountMinor,
  };
  const judged = judge(scene, card);
  if (typeof judged === 'string') return refuse(tapKind, judged, '');
  const settlement = judged.pendingOnCard ? yield* recover(scene, purse, judged.found!) : null;
  if (settlement && 'reason' in settlement) return settlement;
  const settled = settlement && judged.found!.debit;
  const form = setting.buffers.of(profile).journey![side];
  const request = price(scene, card, judged, settlement, form);
  if (typeof request !== 'string') {
    const means = { kind: 'capp', key, buffers: setting.buffers } as const;
    return { purse, means, request, settlement, settled };
  }
  const decision = refuse(tapKind, request, '');
  return settlement ? { ...decision, closed: [settlement], settled } : decision;
}

/** The decision of a card of this family; null: it has none of its applications. */
function* tapOther(
  scene: TapScene,
  family: Exclude<CardFamily, 'purse'>,
  linkUid: Uint8Array,
): TapDialogue<Decision | null> {
  const { desfire, bank, zone } = scene.setting;
  writeLocalDateTime(zone, scene.instantMs, scene.dateTime, 0);
  if (family === 'bank') {
    if (!bank) return null;
    if (scene.setting.kernel) return yield* kernelCard(scene, scene.setting.kernel);
    const decision = yield* ecashJourney(scene, bank);
    const isOver = decision === null || 'open' in decision;
    return isOver ? decision : yield* bankTap(scene, bank, decision.selected);
  }
  return desfire ? yield* desfireTap(scene, desfire, linkUid) : null;
}

/**
 * The card's journey record is the one the pending debit wrote. Ends in the decision where that
 * debit is what this tap wants; else in its settlement, or null where the card proves nothing.
 */
function* recover(
  scene: TapScene,
  purse: SelectedPurse,
  found: PendingDebit,
): TapDialogue<Decision | Debit | null> {
  const { tapKind } = scene;
  const proven = yield* settleByProof(scene, purse, found.debit);
  if (proven === 'cardGone') return refuse(tapKind, 'cardGone', 'GET TRANSACTION PROVE');
  const awaited = opensFor(scene, found);
  if (proven === 'unproven') {
    // Charging anew could charge twice, opening could let a forged card through.
    return awaited ? refuse(tapKind, 'mac2Invalid', 'GET TRANSACTION PROVE') : null;
  }
  yield { ask: 'intent', debit: proven };
  return awaited ? recovered(tapKind, found.debit, proven) : proven;
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
