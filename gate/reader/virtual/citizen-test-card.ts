/**
 * A citizen card for tests and demonstrations: a transport purse of the caller's, the published
 * e-cash test card, and three services whose AIDs are proprietary (ISO/IEC 7816-5, first digit F)
 * and made up here.
 */
import { fromHex } from '../../../engine/bytes.ts';
import type { VirtualCard } from './card.ts';
import { type CitizenApplication, CitizenCard, serviceApplication } from './citizen-card.ts';
import { EcashCard, type EcashState } from './ecash-card.ts';
import { testCard } from './ecash-test-card.ts';
import { personalities } from './personality.ts';
import type { RandomBytes } from './purchase.ts';

/** The services of the card, as a table of services names them. */
export const testServices = [
  { aid: 'F0000000010001', name: 'social security', label: 'SOCIAL SECURITY' },
  { aid: 'F0000000010002', name: 'library', label: 'LIBRARY' },
  { aid: 'F0000000010003', name: 'medical', label: 'MEDICAL' },
] as const;

export interface CitizenTestCard {
  readonly card: CitizenCard;
  readonly purse: VirtualCard;
  readonly ecash: EcashCard;
  readonly services: readonly CitizenApplication[];
}

/**
 * @param purse of any personality
 * @param ecash what the e-cash keeps; `commit` makes its states durable
 */
export function citizenTestCard(
  purse: VirtualCard,
  randomBytes: RandomBytes,
  ecash: EcashState = { balanceMinor: 10_000, atc: 0 },
  commit: (state: EcashState) => void = () => {},
): CitizenTestCard {
  const cash = new EcashCard({ personality: testCard, state: ecash, randomBytes, commit });
  const services = testServices.map(({ aid, label }) =>
    serviceApplication({ aid: fromHex(aid), label }),
  );
  const card = new CitizenCard([
    { aid: personalities[purse.state.personality].aid, card: purse, listed: null },
    { aid: testCard.aid, card: cash, listed: { label: 'PBOC DEBIT', priority: 1 } },
    ...services,
  ]);
  return { card, purse, ecash: cash, services };
}
