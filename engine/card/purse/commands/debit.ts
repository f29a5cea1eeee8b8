/**
 * DEBIT FOR PURCHASE / CAPP PURCHASE (PBOC e-purse): 80 54 01 00 0F, terminal sequence4 ‖ date4 ‖
 * time3 ‖ MAC1(4), Le 08. With it balance, counter, log, CAPP records and TAC commit together.
 */
import { copyBytes, writeU32 } from '../../../bytes.ts';
import { buildCommand, COMMAND_DATA_AT, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

const DATA_BYTES = 15;
const ANSWER_BYTES = 8;

/** What the card says once it is debited. */
export interface PurseDebit {
  /** Transaction authentication code for the issuer, 4 bytes. */
  readonly tac: Uint8Array;
  /** The card's proof to the terminal, 4 bytes. */
  readonly mac2: Uint8Array;
}

export const debit = {
  name: 'DEBIT',
  statuses: {
    ...baseStatuses,
    '6901': 'no purchase is under way',
    '6982': 'MAC1 is wrong',
    '6985': 'no purchase is under way, or no CAPP record was sent',
    '6A80': 'no CAPP record was sent',
    '9301': 'the balance is too low',
    '9302': 'MAC1 is wrong',
    '9401': 'the balance is too low',
    '9402': 'the offline counter is at its maximum',
  },

  /** The command with zeros where its data goes. */
  template(): Uint8Array {
    return buildCommand(0x80, 0x54, 0x01, 0x00, new Uint8Array(DATA_BYTES), ANSWER_BYTES);
  },

  /**
   * Writes the data into a copy of the template: `terminalSequence` of 32 bits, `dateTime`
   * YYYYMMDDhhmmss of 7 BCD bytes, `mac1` of 4.
   */
  write(apdu: Uint8Array, terminalSequence: number, dateTime: Uint8Array, mac1: Uint8Array): void {
    writeU32(apdu, COMMAND_DATA_AT, terminalSequence);
    copyBytes(dateTime, 0, apdu, COMMAND_DATA_AT + 4, 7);
    copyBytes(mac1, 0, apdu, COMMAND_DATA_AT + 11, 4);
  },

  /** TAC(4) ‖ MAC2(4). */
  parse(response: Uint8Array): PurseDebit | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(debit, sw);
    if (dataLength(response) !== ANSWER_BYTES) {
      return wrongLength(debit, dataLength(response), ANSWER_BYTES);
    }
    return { tac: take(response, 0, 4), mac2: take(response, 4, 4) };
  },
};
