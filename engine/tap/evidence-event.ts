/** The evidence event of a debit, under the very next sequence. */
import type { EvidenceEvent, EvidenceFamily } from '../debit/event.ts';
import type { DebitRequest } from './request.ts';

/** @param payload of the family's layout, EVIDENCE_BYTES */
export function evidenceEvent(
  request: DebitRequest,
  family: EvidenceFamily,
  payload: Uint8Array,
): EvidenceEvent {
  const { inForce } = request;
  return {
    gateId: request.gateId,
    gateSequence: request.sequence + 1,
    instantMs: request.instantMs,
    dateTime: request.dateTime,
    station: request.toStation,
    mode: inForce.mode,
    denylistVersion: inForce.denylistVersion,
    clockQuality: inForce.clockQuality,
    parametersVersion: inForce.parametersVersion,
    event: 'evidence',
    family,
    payload,
  };
}
