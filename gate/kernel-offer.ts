/**
 * What a gate with a certified kernel in its reader wants of the next card, and how that card's tap
 * is set: the fare is known before it comes (`kernelAmount`), and the families in their order.
 */
import { kernelAmount } from '../engine/tap/kernel-tap.ts';
import { type CardFamily, cardFamilies, type TapSetting } from '../engine/tap/setting.ts';
import { writeLocalDateTime } from '../engine/time.ts';
import type { KernelOffer, KernelPurchase, KernelSession } from './reader/reader.ts';

/** @param hasRoom whether the journal can take a record: without, no card is to pay */
export function kernelOffer(setting: TapSetting, instantMs: number, hasRoom: boolean): KernelOffer {
  const dateTime = new Uint8Array(7);
  writeLocalDateTime(setting.zone, instantMs, dateTime, 0);
  return {
    purchase: hasRoom ? purchaseAt(setting, instantMs) : null,
    families: takenBy(setting),
    hasRoom,
    dateTime,
    terminalId: setting.terminalId,
  };
}

function purchaseAt(setting: TapSetting, instantMs: number): KernelPurchase | null {
  const amountMinor = setting.bank ? kernelAmount(setting, instantMs) : 'cardUnsupported';
  if (!setting.bank || typeof amountMinor === 'string') return null;
  const { currency, country, transactionType, qualifiers } = setting.bank.forms.terminal;
  return { amountMinor, currency, country, transactionType, qualifiers };
}

function takenBy({ profiles, desfire, bank, families = cardFamilies }: TapSetting): CardFamily[] {
  const taken = { purse: profiles.length > 0, desfire: !!desfire, bank: !!bank };
  return families.filter((family) => taken[family]);
}

/** The setting of a tap there. Where the kernel alone reaches cards, it alone is asked. */
export function settingAtKernel(
  setting: TapSetting,
  { amountMinor, hasApdus }: KernelSession,
): TapSetting {
  const { families = cardFamilies } = setting;
  return {
    ...setting,
    kernel: { amountMinor },
    families: hasApdus ? families : families.filter((family) => family === 'bank'),
  };
}
