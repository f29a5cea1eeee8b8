/** What a card's public file (0x15) says against it. */
import {
  enableDate,
  expiryDate,
  issuerAccepted,
  purseFlagOk,
  readDate,
  type SelectedPurse,
} from '../card/purse/selected.ts';
import type { Reason } from './reasons.ts';

/**
 * The first reason, in order of precedence, or null.
 * @param dateTime the tap's YYYYMMDDhhmmss, 7 BCD bytes.
 */
export function checkCard(purse: SelectedPurse, dateTime: Uint8Array): Reason | null {
  if (purse.locked) return 'applicationLocked';
  if (!purseFlagOk(purse)) return 'purseFlagWrong';
  if (!issuerAccepted(purse)) return 'issuerUnknown';
  // A date the card does not carry is NaN, and so never refuses it.
  const today = readDate(dateTime, 0);
  if (enableDate(purse) > today) return 'notYetValid';
  if (expiryDate(purse) < today) return 'expired';
  return null;
}
