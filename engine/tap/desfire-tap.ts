/**
 * A tap of an AES closed-loop card (docs/desfire.md): select, authenticate, value and newest
 * record, the rules, and a debit whose commit is the only point of no return. Eight exchanges
 * where the reader tells the UID.
 */
import type { DesfireFault } from '../card/desfire/asks.ts';
import { cardNumberOf } from '../card/desfire/commands/identity.ts';
import {
  enterPurse,
  type OpenPurse,
  type SelectedApplication,
  selectApplication,
} from '../card/desfire/purse.ts';
import { readUint } from '../card/journey-record.ts';
import { DebitState } from '../debit/record.ts';
import { type Decision, decisionOf, refuse, type TapDialogue } from './decision.ts';
import { debitDesfire } from './desfire-debit.ts';
import { faultOutcome } from './fault.ts';
import { judge, opensFor, price, recovered, type SeenCard, type TapScene } from './judge.ts';
import type { DebitRequest } from './request.ts';
import type { DesfireSetting } from './setting.ts';
import { settleByRecord } from './settle.ts';

/** The counter's two bytes. */
const COUNTER_MAX = 0xffff;

/** The decision, or null: the card has no application of these schemes. */
export function* desfireTap(
  scene: TapScene,
  desfire: DesfireSetting,
  linkUid: Uint8Array,
): TapDialogue<Decision | null> {
  const { tapKind } = scene;
  const selected = yield* selectFirst(desfire, linkUid);
  if (selected === null) return null;
  if ('fault' in selected) return refuse(tapKind, 'cardGone', selected.command);
  const purse = yield* enterPurse(desfire.gate, selected, 'debit');
  if ('fault' in purse) {
    const { reason, detail } = faultOutcome(purse);
    return refuse(tapKind, reason, detail);
  }
  return yield* settleAndDebit(scene, desfire, purse);
}

/** The first application that the card has; a fault is `gone`. */
function* selectFirst(
  { profiles, gate }: DesfireSetting,
  linkUid: Uint8Array,
): TapDialogue<SelectedApplication | DesfireFault | null> {
  for (const profile of profiles) {
    const selected = yield* selectApplication(gate, profile, 'debit', linkUid);
    if (!('fault' in selected) || selected.fault === 'gone') return selected;
  }
  return null;
}

function* settleAndDebit(
  scene: TapScene,
  desfire: DesfireSetting,
  purse: OpenPurse,
): TapDialogue<Decision> {
  const { setting, tapKind } = scene;
  const { profile, newest } = purse;
  const card = seenCard(scene, purse);
  const judged = judge(scene, card);
  if (typeof judged === 'string') return refuse(tapKind, judged, '');
  const { found, pendingOnCard } = judged;
  const counter = readUint(newest, profile.layout.counter);
  const settlement = found && settleByRecord(scene, found.debit, counter, pendingOnCard);
  if (settlement) {
    yield { ask: 'intent', debit: settlement };
    const isPaid = settlement.state === DebitState.confirmed;
    if (isPaid && opensFor(scene, found)) return recovered(tapKind, found.debit, settlement);
  }
  const form = desfire.forms.of(profile)[setting.side];
  const request = price(scene, card, judged, settlement, form);
  const decision =
    typeof request === 'string'
      ? refuse(tapKind, request, '')
      : yield* debit(purse, request, counter);
  if (!settlement) return decision;
  return { ...decision, closed: [settlement, ...decision.closed], settled: found.debit };
}

function* debit(purse: OpenPurse, request: DebitRequest, counter: number): TapDialogue<Decision> {
  const { tapKind, amountMinor, minimumBalanceMinor } = request;
  const { valueMinor } = purse;
  if (counter === COUNTER_MAX) {
    return refuse(tapKind, 'cardRefused', 'its counter is at its maximum');
  }
  if (valueMinor < 0 || valueMinor < amountMinor + minimumBalanceMinor) {
    return { ...refuse(tapKind, 'balanceTooLow', ''), balanceMinor: valueMinor };
  }
  return decisionOf(request, yield* debitDesfire(purse, request, counter));
}

/** The UID is the card's number. No dates, no classes. */
function seenCard({ setting }: TapScene, { profile, uid, newest }: OpenPurse): SeenCard {
  const number = cardNumberOf(uid);
  return {
    number,
    layout: profile.layout,
    record: newest,
    denylisted: setting.denylist.has(number, 0),
    expiredOn: null,
    riderClass: null,
    maxAmountMinor: profile.settings.maxAmountMinor,
  };
}
