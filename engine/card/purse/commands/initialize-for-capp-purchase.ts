/**
 * INITIALIZE FOR CAPP PURCHASE (JR/T 0025.9-2010, 7.4): 80 50 03 P2 0B, data and answer as
 * INITIALIZE FOR PURCHASE. What UPDATE CAPP DATA CACHE then brings commits with DEBIT, or not at
 * all.
 */
import type { CardFault } from '../../dialogue.ts';
import {
  initializeStatuses,
  initializeTemplate,
  type PurseInit,
  parseInitialize,
  writeInitialize,
} from './initialize-for-purchase.ts';

export const initializeForCappPurchase = {
  name: 'INITIALIZE FOR CAPP PURCHASE',
  statuses: initializeStatuses,

  template(purseId: number): Uint8Array {
    return initializeTemplate(0x03, purseId);
  },
  write: writeInitialize,
  parse(response: Uint8Array): PurseInit | CardFault {
    return parseInitialize(initializeForCappPurchase, response);
  },
};
