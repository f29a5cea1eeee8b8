/**
 * Why a tap does not open the gate, in order of precedence: where several hold, the rider is told
 * the first. `open`, `recovered` and `released` open it. `docs/reasons.md` lists the same codes (kept equal by
 * a test).
 */

/** Code -> what the rider is told, and what it means to staff. */
export const reasons = {
  open: 'Please go through.',
  recovered: 'Please go through: the fare had been taken when the card left too early.',
  released: 'Please go through: no card is needed now.',
  gateClosed: 'This gate is out of service: please use another.',
  stationClosed: 'This station is closed.',
  noTrains: 'No trains: please do not enter.',
  entryClosed: 'No entry at this station now: please use another.',
  exitClosed: 'No exit at this station now: please follow the signs.',
  cardGone: 'Please tap again and hold the card.',
  cardFaulty: 'This card answers wrongly: please see the desk.',
  cardUnsupported: 'This card is not accepted here.',
  applicationLocked: 'This card is locked: please see its issuer.',
  purseFlagWrong: 'The purse of this card is not in use.',
  issuerUnknown: 'Cards of this issuer are not accepted here.',
  notYetValid: 'This card is not valid yet.',
  expired: 'This card has expired.',
  denylisted: 'This card is stopped: please see the desk.',
  passBack: 'This card has just been used here.',
  noEntry: 'This card has no entry: please see the desk.',
  noExit: 'The last journey of this card has no exit: please see the desk.',
  stationUnknown: 'The station of entry is not in the fare table: please see the desk.',
  faresMissing: 'No fare table is in force.',
  amountOverLimit: 'The fare is over what one tap may take: please see the desk.',
  balanceTooLow: 'The balance is too low: please top up.',
  keyUnknown: 'This gate has no key for this card.',
  answerForged: 'An answer of this card does not verify: please see the desk.',
  otherInterface: 'This card cannot pay by tapping: please see the desk.',
  cardDeclined: 'The card declined to pay: please see the desk.',
  onlineRequired: 'The bank of this card must be asked: please see the desk.',
  cardRefused: 'The card refused the debit: please see the desk.',
  mac2Invalid: 'The card did not prove the debit: please see the desk.',
  deadline: 'That took too long: please tap again.',
} as const;

export type Reason = keyof typeof reasons;

/** Codes in order of precedence. */
export const reasonOrder = Object.keys(reasons) as readonly Reason[];
