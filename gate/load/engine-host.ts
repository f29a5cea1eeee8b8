/** The load host over the network: the engine's `cards serve`, through the uplink's transport. */
import { toHex } from '../../engine/bytes.ts';
import type { BeginAnswer, LoadHost, PresentAnswer } from '../../engine/cards/host-port.ts';
import {
  encodeMessage,
  type LoadAnswer,
  type LoadRequest,
  shownInHex,
} from '../../engine/cards/messages.ts';
import type { LoadOrder, Refused } from '../../engine/cards/model.ts';
import { LOAD_ANSWER_MS_MAX } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Link, Transport } from '../uplink/transport.ts';

export class EngineHost implements LoadHost {
  readonly #transport: Transport;
  #link: Link | null = null;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  begin: LoadHost['begin'] = (shown, orderId, terminalId) =>
    this.#ask<BeginAnswer | Refused>({
      op: 'begin',
      ...shownInHex(shown),
      orderId,
      terminalId: toHex(terminalId),
    });

  present: LoadHost['present'] = (shown, visit, init) =>
    this.#ask<PresentAnswer | Refused>({
      op: 'present',
      ...shownInHex(shown),
      visit,
      init: toHex(init),
    });

  confirm: LoadHost['confirm'] = (shown, orderId, visit, tac) =>
    this.#ask<LoadOrder | Refused>({
      op: 'confirm',
      ...shownInHex(shown),
      orderId,
      visit,
      tac: toHex(tac),
    });

  unknown: LoadHost['unknown'] = (orderId, visit) =>
    this.#ask<LoadOrder | Refused>({ op: 'unknown', orderId, visit });

  close(): void {
    this.#link?.close();
    this.#link = null;
  }

  /**
   * The engine's own answers are trusted to be what they should: it proved itself in the handshake.
   * After any failure the link is dropped, so that a late answer is never taken for the next one's.
   */
  async #ask<R>(request: LoadRequest): Promise<R> {
    const signal = AbortSignal.timeout(LOAD_ANSWER_MS_MAX);
    const late = (): void => this.close();
    signal.addEventListener('abort', late);
    try {
      this.#link ??= await this.#transport.connect(signal);
      await this.#link.send(encodeMessage(request));
      const body = await this.#link.receive();
      if (body === null) throw new FaregateError('UPLINK_FAILED', 'the engine hung up');
      const answer = JSON.parse(new TextDecoder().decode(body)) as LoadAnswer;
      if ('answer' in answer) return answer.answer as R;
      const refused = answer.error.code === 'GATE_REFUSED';
      throw new FaregateError(refused ? 'GATE_REFUSED' : 'UPLINK_FAILED', answer.error.message);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', late);
    }
  }
}
