/**
 * Status words: a base table of the ISO 7816-4 and PBOC words that any command may answer with; a
 * command's own table goes over it. Keys are four hexadecimal digits, where `x` stands for any
 * digit at the end (`61xx`, `63Cx`).
 */
import { APDU_RESPONSE_BYTES_MAX } from '../card-limits.ts';
import type { CardFault } from './dialogue.ts';

export const SW_OK = 0x9000;

/** Status word -> what it means. */
export type StatusTable = Readonly<Record<string, string>>;

export const baseStatuses: StatusTable = {
  '9000': 'done',
  '61xx': 'more data waits for GET RESPONSE',
  '6Cxx': 'wrong Le; the last byte is the right one',
  '6281': 'part of the data may be corrupt',
  '6283': 'the application is locked',
  '6300': 'authentication failed',
  '63Cx': 'verification failed; the last digit is the tries left',
  '6400': 'nothing was changed',
  '6581': 'memory failure',
  '6700': 'wrong Lc',
  '6900': 'the command is not allowed now',
  '6901': 'the command is not allowed in this state',
  '6981': 'the command does not fit the file',
  '6982': 'the security state does not allow it',
  '6983': 'the authentication method is blocked',
  '6984': 'referenced data cannot be used; another interface is wanted',
  '6985': 'conditions of use not satisfied',
  '6986': 'no file is selected',
  '6987': 'the secure messaging MAC is missing',
  '6988': 'the secure messaging MAC is wrong',
  '6999': 'no such application',
  '6A80': 'wrong data field',
  '6A81': 'the function is not supported, or the card is locked',
  '6A82': 'no such file or application',
  '6A83': 'no such record',
  '6A84': 'no space left in the file',
  '6A86': 'wrong P1 or P2',
  '6A88': 'the key or data is not there',
  '6B00': 'offset outside the file',
  '6D00': 'the instruction is not supported',
  '6E00': 'the class is not supported',
  '6F00': 'the card gives no reason',
  '9301': 'the balance is too low',
  '9302': 'the MAC is wrong',
  '9303': 'the application is locked for good',
  '9401': 'the balance is too low',
  '9402': 'the counter is at its maximum',
  '9403': 'the card has no such key index or version',
  '9406': 'no such MAC or TAC is kept',
};

/** What every command object carries; `build` and `parse` differ by command. */
export interface CardCommand {
  /** As the specification names it. */
  readonly name: string;
  readonly statuses: StatusTable;
}

/** What a status word means to a command: exact words first, then `63Cx`, then `61xx`. */
export function statusMeaning(statuses: StatusTable, sw: number): string {
  const hex = sw.toString(16).toUpperCase().padStart(4, '0');
  return (
    statuses[hex] ??
    statuses[`${hex.slice(0, 3)}x`] ??
    statuses[`${hex.slice(0, 2)}xx`] ??
    'not a status word of this command'
  );
}

export function gone(command: CardCommand): CardFault {
  return { fault: 'gone', command: command.name };
}

export function refused(command: CardCommand, sw: number): CardFault {
  const meaning = statusMeaning(command.statuses, sw);
  return { fault: 'status', command: command.name, sw, meaning };
}

export function malformed(command: CardCommand, what: string): CardFault {
  return { fault: 'malformed', command: command.name, what };
}

/** The fault of an answer whose data has another length than the command's. */
export function wrongLength(command: CardCommand, length: number, expected: number): CardFault {
  return malformed(command, `${length} data bytes, expected ${expected}`);
}

/** The fault of an answer that is no response at all. */
export function notResponse(command: CardCommand, length: number): CardFault {
  return malformed(command, `${length} bytes, a response has 2 to ${APDU_RESPONSE_BYTES_MAX}`);
}
