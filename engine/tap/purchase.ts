/**
 * A plain purchase at a gate or counter: SELECT, INITIALIZE FOR PURCHASE, DEBIT, of an amount that
 * is known. Cards are checked as at a gate. The journey record is read only where an earlier debit
 * of the card waits to be settled, and never written.
 */
import { isFault } from '../card/dialogue.ts';
import { readJourney } from '../card/purse/dialogues.ts';
import { selectPurse } from '../card/purse/select-purse.ts';
import { cardNumber, keyRef, type SelectedPurse } from '../card/purse/selected.ts';
import { type Debit, NOTHING_IN_FORCE, TapKind } from '../debit/record.ts';
import { writeLocalDateTime } from '../time.ts';
import { checkCard } from './card-check.ts';
import { type Decision, refuse, type TapDialogue, type TapRun } from './decision.ts';
import { faultOutcome } from './fault.ts';
import { wroteJourney } from './journey.ts';
import { type Quoted, runPhases } from './phases.ts';
import type { ProductSale } from './product-sale.ts';
import type { DebitRequest } from './request.ts';
import type { TapSetting } from './setting.ts';

const NO_STATION = new Uint8Array(4);

/**
 * @param amountMinor what to debit; the rest as for `tap`
 * @param sold the product that the amount is the price of
 */
export function purchase(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  amountMinor: number,
  sold: ProductSale | null = null,
): TapRun {
  return runPhases(quotePurchase(setting, instantMs, sequence, amountMinor, sold));
}

function* quotePurchase(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  amountMinor: number,
  sold: ProductSale | null,
): TapDialogue<Decision | Quoted> {
  const tapKind = TapKind.purchase;
  const purse = yield* selectPurse(setting.profiles);
  if (isFault(purse)) {
    const { reason, detail } = faultOutcome(purse);
    return refuse(tapKind, reason === 'cardRefused' ? 'cardUnsupported' : reason, detail);
  }
  const dateTime = new Uint8Array(7);
  writeLocalDateTime(setting.zone, instantMs, dateTime, 0);
  const unfit = checkCard(purse, dateTime);
  if (unfit) return refuse(tapKind, unfit, '');
  const number = cardNumber(purse);
  if (setting.denylist.has(number, 0)) return refuse(tapKind, 'denylisted', '');
  if (amountMinor > purse.profile.maxAmountMinor) return refuse(tapKind, 'amountOverLimit', '');
  const key = keyRef(purse);
  setting.prepareKey(key);
  const pending = setting.findUnconfirmed(number)?.debit ?? null;
  const pendingOnCard = pending !== null && (yield* shows(purse, pending));
  const request: DebitRequest = {
    gateId: setting.gateId,
    tapKind,
    sequence,
    instantMs,
    dateTime,
    terminalId: setting.terminalId,
    amountMinor,
    minimumBalanceMinor: 0,
    fromStation: sold?.code ?? NO_STATION,
    toStation: setting.place.station,
    entryInstantMs: sold?.entryMs ?? 0,
    fareVersion: sold?.fareVersion ?? 0,
    rider: 0,
    journey: null,
    pendingOnCard,
    cardNumber: number,
    pending,
    inForce: setting.inForce ?? NOTHING_IN_FORCE,
  };
  const means = { kind: 'purchase', key, buffers: setting.buffers } as const;
  return { purse, means, request, settlement: null, settled: null };
}

/** Whether the card's journey record is the one that `pending` wrote. */
function* shows({ profile }: SelectedPurse, pending: Debit): TapDialogue<boolean> {
  if (!profile.journey) return false;
  const record = yield* readJourney(profile);
  return record instanceof Uint8Array && wroteJourney(profile.journey.layout, record, pending);
}
