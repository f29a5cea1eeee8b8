/** SELECT by application name (ISO 7816-4, 11.1.1; PBOC e-purse): 00 A4 04 00 Lc AID 00. */
import { buildCommand, LE_ALL, statusWord } from '../../apdu.ts';
import { baseStatuses, SW_OK } from '../../status.ts';

/** SELECT answered that the application is there but locked (its FCI may follow). */
const SW_LOCKED = 0x6283;
/** The card is locked, or knows no SELECT by name. */
const SW_CARD_LOCKED = 0x6a81;
const SW_LOCKED_FOR_GOOD = 0x9303;

export const select = {
  name: 'SELECT',
  statuses: {
    ...baseStatuses,
    '6283': 'the application is locked',
    '6A81': 'the card is locked',
    '6A82': 'no such application',
    '6999': 'no such application',
    '9303': 'the application is locked for good',
  },

  /** `aid` of 5 to 16 bytes. */
  build(aid: Uint8Array): Uint8Array {
    return buildCommand(0x00, 0xa4, 0x04, 0x00, aid, LE_ALL);
  },

  /** Whether the application answered, is there but locked, or is not there. */
  parse(response: Uint8Array): 'selected' | 'locked' | 'refused' {
    const sw = statusWord(response);
    if (sw === SW_OK) return 'selected';
    if (sw === SW_LOCKED || sw === SW_CARD_LOCKED || sw === SW_LOCKED_FOR_GOOD) return 'locked';
    return 'refused';
  },
};
