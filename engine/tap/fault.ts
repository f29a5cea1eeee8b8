/** What a card's fault is to a rider and to staff. */
import type { DesfireFault } from '../card/desfire/asks.ts';
import type { Reason } from './reasons.ts';

/** The reason and detail of a card that could not go on. */
export function faultOutcome(fault: DesfireFault): { reason: Reason; detail: string } {
  if (fault.fault === 'gone') return { reason: 'cardGone', detail: fault.command };
  if (fault.fault === 'malformed') {
    return { reason: 'cardFaulty', detail: `${fault.command}: ${fault.what}` };
  }
  if (fault.fault === 'forged') {
    return { reason: 'answerForged', detail: `${fault.command}: ${fault.why}` };
  }
  if (fault.fault === 'keyUnknown') return { reason: 'keyUnknown', detail: fault.command };
  const sw = fault.sw.toString(16).toUpperCase().padStart(4, '0');
  return { reason: 'cardRefused', detail: `${fault.command}: ${sw} ${fault.meaning}` };
}
