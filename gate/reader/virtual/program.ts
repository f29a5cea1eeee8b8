/**
 * A virtual card as a program of its own: it connects to a reader that listens (vpcd protocol) and
 * serves commands until the reader ends the connection; and the file that keeps its state.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { APDU_COMMAND_BYTES_MAX } from '../../../engine/card-limits.ts';
import { FaregateError, systemText } from '../../../engine/errors.ts';
import { CONTACTLESS_ATR, FrameBuffer, frame, PowerControl } from '../vpcd.ts';
import {
  CARD_STATE_BYTES,
  type CardState,
  decodeCardState,
  encodeCardState,
} from './card-state.ts';
import type { HeldCard } from './held-card.ts';

/** What a card program needs of a card. */
export type ServedCard = Pick<HeldCard, 'transmit' | 'power'>;

export interface CardProgramOptions {
  readonly host: string;
  readonly port: number;
  readonly card: ServedCard;
  /** Leave the reader after the first session: power off after at least one command. */
  readonly once?: boolean;
  /** How long to look for a reader that does not listen yet, is busy, or gives no command. */
  readonly retryMs?: number;
}

const RETRY_MS = 5000;
const RETRY_PAUSE_MS = 50;

/**
 * Serves one card; ends when the reader closes the connection, or with `once` when it powered off.
 * @throws FaregateError READER_FAILED where no reader took the card in time; what the card's commit
 * throws.
 */
export async function serveVirtualCard(options: CardProgramOptions): Promise<void> {
  const { host, port } = options;
  let until = performance.now() + (options.retryMs ?? RETRY_MS);
  let wasUnasked = false;
  let why = 'the reader is busy with another card';
  for (;;) {
    const socket = connect({ host, port, noDelay: true });
    const ended = await serve(socket, options.card, options.once ?? false);
    if (ended === 'served') return;
    if (ended instanceof Error) why = ended.message;
    else if (ended === 'unasked') {
      // Held out once more at least, however long the reader took over it.
      if (!wasUnasked) until = Math.max(until, performance.now() + RETRY_PAUSE_MS + 1);
      wasUnasked = true;
      why = 'the reader let go of the card before a command';
    }
    if (performance.now() >= until) break;
    await sleep(RETRY_PAUSE_MS);
  }
  throw new FaregateError('READER_FAILED', `no reader took the card at ${host}:${port}: ${why}`);
}

/**
 * `served` after at least one frame, or one command where the card is to leave by itself: else it
 * is `unasked`, for a card that was slow to wake is one that no reader has seen. Else why the
 * connection failed, or `refused`.
 */
function serve(
  socket: Socket,
  card: ServedCard,
  leaveWhenOff: boolean,
): Promise<'served' | 'unasked' | 'refused' | Error> {
  const frames = new FrameBuffer(APDU_COMMAND_BYTES_MAX);
  let served = false;
  let commands = 0;
  const take = (body: Uint8Array): void => {
    served = true;
    if (body.length > 1) commands++;
    const answer = answerTo(card, body);
    if (answer) socket.write(frame(answer));
    if (leaveWhenOff && commands > 0 && isPowerOff(body)) socket.end();
  };
  return new Promise((resolve, reject) => {
    let failure: Error | null = null;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      card.power();
      if (!served) resolve(failure ?? 'refused');
      else resolve(leaveWhenOff && commands === 0 ? 'unasked' : 'served');
    });
    socket.on('data', (chunk) => {
      frames.push(chunk);
      try {
        let body = frames.next();
        for (; body !== null && body !== 'oversized'; body = frames.next()) take(body);
        if (body === 'oversized') socket.destroy();
      } catch (error) {
        // The card could not commit: it stays silent for good, as one that broke.
        socket.destroy();
        reject(error);
      }
    });
  });
}

function isPowerOff(body: Uint8Array): boolean {
  return body.length === 1 && body[0] === PowerControl.off;
}

/** The card's answer to one frame, or null where there is none. */
function answerTo(card: ServedCard, body: Uint8Array): Uint8Array | null {
  if (body.length > 1) return card.transmit(body);
  if (body[0] === PowerControl.atr) return CONTACTLESS_ATR;
  card.power();
  return null;
}

/** A card's state in a file: one record, written over in place at each commit. */
export class CardFile {
  readonly #path: string;
  #descriptor: number;

  /**
   * Opens `path`, or creates it with the card that `issue` makes.
   * @throws FaregateError CARD_STATE_INVALID naming the file; FILE_UNREADABLE where it cannot be
   * opened.
   */
  static open(path: string, issue: () => CardState): { file: CardFile; state: CardState } {
    try {
      const known = existsSync(path);
      const state = known ? readState(path) : issue();
      const file = new CardFile(path, openSync(path, known ? 'r+' : 'wx'));
      if (!known) file.commit(state);
      return { file, state };
    } catch (cause) {
      if (cause instanceof FaregateError) throw cause;
      throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
    }
  }

  private constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  /** @throws FaregateError DISK_FAILED. A killed process loses nothing; a power cut might. */
  commit(state: CardState): void {
    try {
      writeSync(this.#descriptor, encodeCardState(state), 0, CARD_STATE_BYTES, 0);
    } catch (cause) {
      throw new FaregateError('DISK_FAILED', `${this.#path}: ${systemText(cause)}`, {
        cause,
      });
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function readState(path: string): CardState {
  const bytes = readFileSync(path);
  try {
    if (bytes.length > CARD_STATE_BYTES) {
      throw new FaregateError('CARD_STATE_INVALID', `${bytes.length} of ${CARD_STATE_BYTES} bytes`);
    }
    return decodeCardState(bytes);
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
    throw new FaregateError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}
