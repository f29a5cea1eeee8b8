/**
 * What can become of a received debit, and what of it needs a person: one table, in order of
 * precedence. Batch in, an array of outcomes out; a refused record never blocks its neighbours.
 * `docs/ledger.md` lists the same codes (kept equal by a test).
 */

/** Code -> what it means, in order of precedence: the first that applies is the outcome. */
export const outcomes = {
  exists: 'The same record is held already: a repeated upload. Nothing changes.',
  identityConflict:
    'Another record is held under this gate and sequence. Nothing is posted; evidence is kept.',
  recorded: 'An event of the gate, no debit. Held in its own table, nothing is posted.',
  voided: 'The card did not commit. Recorded, nothing is posted.',
  settled: 'An unconfirmed debit is settled, by this record or by what was known already.',
  unconfirmed:
    'No record fixes yet whether the card committed. Kept aside; posted where that is presumed.',
  tacInvalid:
    'The TAC does not verify. A debit goes to suspense, if torn is void; a settlement settles nothing.',
  tacUnknownKey:
    'The key of the TAC is not held. A debit goes to suspense; a settlement settles nothing.',
  evidenceMissing:
    'The event with the proof of the debit is missing or empty. A debit goes to suspense.',
  settlementConflict:
    'A settlement contradicts what is known of the debit it names. Nothing changes.',
  settlementUnknown: 'A settlement names a debit that has not arrived. It waits for it.',
  naturalKeyConflict:
    'Another debit of this card holds this counter: a sign of fraud. Nothing is posted.',
  posted: 'Posted to the accounts.',
} as const;
export type Outcome = keyof typeof outcomes;

/**
 * Exceptions: appended with their evidence, never removed. Code -> the number it is stored under,
 * which never changes.
 */
export const exceptionNumbers = {
  identityConflict: 1,
  tacInvalid: 2,
  tacUnknownKey: 3,
  settlementConflict: 4,
  naturalKeyConflict: 5,
  /** A notice: the debit is posted, but the card held less than its last debit left on it. */
  balanceBreak: 6,
  /** A gate counted another shift than is held of it: `faregate-engine shifts` says how. */
  shiftMismatch: 7,
  evidenceMissing: 8,
  /** A notice: the fare was over what the entry held on the card, which is all that was taken. */
  fareOverHold: 9,
} as const;
export type ExceptionCode = keyof typeof exceptionNumbers;

export const exceptionCodes = Object.keys(exceptionNumbers) as readonly ExceptionCode[];

/** Whether an outcome is an exception too. */
export function isException(outcome: Outcome): outcome is Outcome & ExceptionCode {
  return outcome in exceptionNumbers;
}

/**
 * Open items: derived from what is held, reported by `ledger check`, and gone once a later record
 * closes them. Gates upload independently, so each of these is ordinary until the day's end.
 */
export const openItems = {
  unconfirmed: 'A debit whose outcome no record has shown yet.',
  settlementUnknown: 'A settlement that waits for the debit it names.',
  sequenceGap: 'Sequences of a gate that have not arrived though later ones have.',
  counterGap: 'Counters of a card that no record explains: uploads outstanding, or used elsewhere.',
} as const;
export type OpenItem = keyof typeof openItems;
