/** The load host as a load machine sees it: `LoadDesk` itself, or an engine over the network. */

import type { BeginAnswer, PresentAnswer } from './load-desk.ts';
import type { LoadOrder, Refused } from './model.ts';
import type { ShownCard } from './shown-card.ts';

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
