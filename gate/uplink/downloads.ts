/**
 * What an uplink fetches from its engine besides acknowledgements: the port that
 * `gate/parameters/download.ts` fills. The uplinks of a station share one, so that a set crosses
 * the network once and not once a gate.
 */
import type { ParameterAnswer, ParameterQuestion } from '../../engine/wire/parameter-messages.ts';

/** One connection of one gate. */
export interface Asker {
  readonly gateId: string;
}

export interface Downloads {
  /** The engine said, in a welcome or an acknowledgement, which set is the gate's newest. */
  told(asker: Asker, newest: number): void;
  /**
   * What to ask on this connection now, or null. It has one question under way at a time.
   * @param uploading whether records wait to be uploaded: they go first
   */
  question(asker: Asker, uploading: boolean): ParameterQuestion | null;
  /** Takes an answer; resolves when the next question may be asked. Never rejects. */
  answer(asker: Asker, answer: ParameterAnswer): Promise<void>;
  /** The connection has ended; what it was asked is not answered any more. */
  gone(asker: Asker): void;
}
