/**
 * Which key a card's record has: diversified by the card's number as bank cards' keys are (EMV 4.3
 * Book 2, A1.4.1, option A: the right 16 digits of PAN ‖ sequence). No source says so of records
 * [U].
 */
import { fromHex } from '../../../bytes.ts';
import type { CardNumber } from '../card-data.ts';
import type { RecordKeyRef } from './asks.ts';
import type { CompiledExtendedProfile } from './profile.ts';

export function recordKey(
  { settings }: CompiledExtendedProfile,
  { pan, panSequence }: CardNumber,
): RecordKeyRef {
  const digits = `${pan}${String(panSequence).padStart(2, '0')}`.padStart(16, '0').slice(-16);
  return { ...settings.key, factor: fromHex(digits) };
}
