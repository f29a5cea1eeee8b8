/** The load host as a load machine sees it: `LoadDesk` itself, or an engine over the network. */

import type { LoadOrder, Refused } from './model.ts';
import type { ShownCard } from './shown-card.ts';

export interface BeginAnswer {
  readonly visit: number;
  /** What INITIALIZE FOR LOAD has to name. */
  readonly amountMinor: number;
  /** An order without outcome: the card may still have its TAC (GET TRANSACTION PROVE). */
  readonly open: {
    readonly orderId: string;
    readonly visit: number;
    readonly onlineCounter: number;
  } | null;
}

export interface PresentAnswer {
  readonly balanceMinor: number;
  readonly onlineCounter: number;
  /** The open order, as this reading of the card settled it. */
  readonly resolved: { readonly orderId: string; readonly credited: boolean } | null;
  /** The host's order to the card, 7 bytes and 4; null after a look or a refusal. */
  readonly credit: { readonly dateTime: string; readonly mac2: string } | null;
  readonly refused: Refused['refused'] | null;
}

/**
 * Calls may be repeated: an answer that was lost is given again. A call that fails says nothing of
 * what the host did.
 * @throws FaregateError UPLINK_FAILED, GATE_REFUSED from every call over the network.
 */
export interface LoadHost {
  begin(
    shown: ShownCard,
    orderId: string | null,
    terminalId: Uint8Array,
  ): Promise<BeginAnswer | Refused>;
  present(shown: ShownCard, visit: number, init: Uint8Array): Promise<PresentAnswer | Refused>;
  confirm(
    shown: ShownCard,
    orderId: string,
    visit: number,
    tac: Uint8Array,
  ): Promise<LoadOrder | Refused>;
  unknown(orderId: string, visit: number): Promise<LoadOrder | Refused>;
}
