/** The intent of a card whose proof is in an evidence event: what it takes from the request. */
import { type Debit, DebitKind, DebitState, Evidence } from '../debit/record.ts';
import type { DebitRequest } from './request.ts';

const ZEROS = new Uint8Array(16);
/** Of a card whose proof is elsewhere, 4 bytes. */
export const NO_TAC: Uint8Array = ZEROS.subarray(0, 4);

/** What is the card's own. */
export type CardsShare = Pick<
  Debit,
  | 'issuer'
  | 'keyIndex'
  | 'keyVersion'
  | 'algorithm'
  | 'transactionType'
  | 'offlineCounter'
  | 'balanceBeforeMinor'
  | 'currency'
  | 'random'
>;

export function evidencedIntent(request: DebitRequest, card: CardsShare): Debit {
  const { inForce } = request;
  return {
    ...card,
    kind: DebitKind.debit,
    state: DebitState.intended,
    evidence: Evidence.none,
    tapKind: request.tapKind,
    gateId: request.gateId,
    gateSequence: request.sequence,
    instantMs: request.instantMs,
    dateTime: request.dateTime,
    terminalId: request.terminalId,
    terminalSequence: request.sequence >>> 0,
    cardNumber: request.cardNumber,
    factors: ZEROS,
    factorLevels: 1,
    amountMinor: request.amountMinor,
    tac: NO_TAC,
    fromStation: request.fromStation,
    toStation: request.toStation,
    entryInstantMs: request.entryInstantMs,
    fareVersion: request.fareVersion,
    rider: request.rider,
    tapMs: 0,
    hostUs: 0,
    refersTo: null,
    mode: inForce.mode,
    denylistVersion: inForce.denylistVersion,
    clockQuality: inForce.clockQuality,
    parametersVersion: inForce.parametersVersion,
  };
}
