/**
 * Status words 91xx of DESFire cards, and what carries a command. C1 and CA are as the chip has
 * them; one widespread table has them exchanged.
 */
import { baseStatuses, type CardCommand, type StatusTable } from '../status.ts';

export const SW_DESFIRE_OK = 0x9100;
/** More frames: the card has more to say, or waits for more of the command. */
export const SW_MORE = 0x91af;
/** A value or record outside its bounds. */
export const SW_BOUNDARY = 0x91be;

const desfireStatuses: StatusTable = {
  ...baseStatuses,
  '9100': 'done',
  '910C': 'nothing was changed',
  '910E': 'no space left on the card',
  '911C': 'the command is not supported',
  '911E': 'the MAC, checksum or padding of the command is wrong',
  '9140': 'no such key',
  '917E': 'wrong length of the command',
  '9190': 'done, with a signature',
  '919D': 'the configuration does not permit it',
  '919E': 'wrong parameter',
  '91A0': 'no such application',
  '91A1': 'the application is damaged',
  '91AE': 'not authenticated with the key that it takes',
  '91AF': 'more frames follow',
  '91BE': 'outside the bounds of the value or record file',
  '91C1': 'the card is damaged',
  '91CA': 'the command before was not completed',
  '91CD': 'the card is disabled',
  '91CE': 'no more applications fit the card',
  '91DE': 'the file or application exists already',
  '91EE': 'the memory failed',
  '91F0': 'no such file',
  '91F1': 'the file is damaged',
};

export interface DesfireCommand extends CardCommand {
  readonly ins: number;
  /** Carries data to the card: in EV1 only such a command has a MAC on the wire. */
  readonly writes: boolean;
}

export function desfireCommand(name: string, ins: number, writes = false): DesfireCommand {
  return { name, ins, writes, statuses: desfireStatuses };
}
