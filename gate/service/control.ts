/**
 * Control of a running station on its own machine: `GET /mode` says which modes are in force,
 * `POST /mode` sets them or tells the history of other stations. On the loopback address of the
 * health server only, with the token of a file as bearer (RFC 6750, 2.1), so that what may open
 * every gate is as well kept as the machine's own files.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FaregateError } from '../../engine/errors.ts';
import {
  CONTROL_BODY_BYTES_MAX,
  CONTROL_TOKEN_BYTES_MAX,
  CONTROL_TOKEN_LENGTH_MIN,
} from '../../engine/limits.ts';
import type { Log } from '../../engine/log/log.ts';
import { readText } from '../../engine/pki/files.ts';
import { parseChecked } from '../../engine/schema/check.ts';
import { modeOf, modeText, namesOf } from '../../engine/tap/modes.ts';
import type { ModesInForce } from '../modes.ts';
import { modesSchema, type PeriodText, periodsSchema, readPeriods } from '../modes-file.ts';

export const CONTROL_PATH = '/mode';

interface Order {
  readonly mode?: readonly string[];
  readonly history?: readonly PeriodText[];
}

const orderSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { mode: modesSchema, history: periodsSchema },
};

/** @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID for one that is too short. */
export async function readToken(path: string): Promise<string> {
  const token = (await readText(path, CONTROL_TOKEN_BYTES_MAX)).trim();
  if (token.length >= CONTROL_TOKEN_LENGTH_MIN) return token;
  const message = `${path}: a token has at least ${CONTROL_TOKEN_LENGTH_MIN} characters`;
  throw new FaregateError('CONFIG_INVALID', message);
}

export class Control {
  readonly #modes: ModesInForce;
  readonly #digest: Uint8Array;
  readonly #log: Log;

  constructor(modes: ModesInForce, token: string, log: Log) {
    this.#modes = modes;
    this.#digest = digestOf(token);
    this.#log = log;
  }

  /** Answers a request for CONTROL_PATH. Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (code: number, body: object): void => {
      const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
      response.writeHead(code, headers).end(`${JSON.stringify(body)}\n`);
    };
    if (!this.#knows(request.headers.authorization)) {
      say(401, { message: 'the bearer token of the control file is needed' });
      return;
    }
    try {
      if (request.method === 'POST') await this.#obey(await readBody(request));
      else if (request.method !== 'GET') {
        say(405, { message: 'only GET and POST' });
        return;
      }
      say(200, this.#state());
    } catch (error) {
      if (error instanceof FaregateError) {
        const ours = error.code === 'MODE_INVALID' || error.code === 'USAGE';
        say(ours ? 400 : 500, { code: error.code, message: error.message });
      } else response.destroy();
    }
  }

  #knows(header: string | undefined): boolean {
    const token = /^Bearer (.+)$/.exec(header ?? '')?.[1] ?? '';
    return timingSafeEqual(digestOf(token), this.#digest);
  }

  /** All of the order is checked before any of it takes force. */
  async #obey(text: string): Promise<void> {
    const order = parseChecked<Order>(orderSchema, text, 'MODE_INVALID', 'the order');
    const periods = order.history ? readPeriods(order.history) : null;
    const mode = order.mode ? modeOf(order.mode) : null;
    if (mode !== null) {
      this.#log.warn({ mode: modeText(mode), before: modeText(this.#modes.mode) }, 'mode set');
      await this.#modes.set(mode);
    }
    if (periods) await this.#modes.learn(periods);
  }

  #state(): object {
    const { mode, sinceMs, history } = this.#modes;
    return {
      mode: namesOf(mode),
      since: new Date(sinceMs).toISOString(),
      periods: history.periods.length,
    };
  }
}

/** Tokens of any length compare in the same time. */
function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > CONTROL_BODY_BYTES_MAX) {
      throw new FaregateError('USAGE', `the order is over ${CONTROL_BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
