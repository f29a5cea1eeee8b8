/**
 * `faregate-gate mode --config FILE`: says which modes a running station is in, or sets them, over
 * its control (`gate/service/control.ts`).
 */
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json-fault.ts';
import { CONTROL_ANSWER_MS_MAX, CONTROL_BODY_BYTES_MAX } from '../../engine/limits.ts';
import { readText } from '../../engine/pki/files.ts';
import { readServiceConfig } from '../service/config.ts';
import { CONTROL_PATH, readToken } from '../service/control.ts';

export const modeCommand: Command = {
  name: 'mode',
  about: 'Says or sets the modes of a running station.',
  options: {
    config: { type: 'string', value: 'FILE', required: true, about: 'docs/gate-config.md' },
    set: { type: 'string', value: 'MODE,...', about: 'docs/modes.md; normal ends them all' },
    history: { type: 'string', value: 'FILE', about: 'periods of other stations, docs/modes.md' },
    json: { type: 'boolean', about: 'print the answer as one JSON object' },
  },
  run: mode,
};

async function mode(args: Args, io: Io): Promise<number> {
  const path = args.need('config');
  const { control, health } = await readServiceConfig(path);
  if (!control || !health) {
    throw new FaregateError('CONFIG_INVALID', `${path}: field /control is missing`);
  }
  const token = await readToken(control.tokenFile);
  const order = await readOrder(args);
  const host = health.host.includes(':') ? `[${health.host}]` : health.host;
  const url = `http://${host}:${health.port}${CONTROL_PATH}`;
  const answer = await ask(url, token, order);
  if (args.flag('json')) io.out(JSON.stringify(answer));
  else {
    const names = answer.mode.length === 0 ? 'normal' : answer.mode.join('+');
    io.out(`${names} since ${answer.since}; ${answer.periods} periods known`);
  }
  return 0;
}

async function readOrder(args: Args): Promise<object | null> {
  const set = args.text('set');
  const historyFile = args.text('history');
  if (set === undefined && historyFile === undefined) return null;
  const order: Record<string, unknown> = {};
  if (set !== undefined) order.mode = set.split(',');
  if (historyFile !== undefined) {
    const text = await readText(historyFile, CONTROL_BODY_BYTES_MAX);
    order.history = parseJson(text, 'MODE_INVALID', historyFile);
  }
  return order;
}

interface Answer {
  readonly mode: readonly string[];
  readonly since: string;
  readonly periods: number;
}

/**
 * @throws FaregateError MODE_INVALID, as the station says; CONTROL_FAILED where it cannot be asked.
 */
async function ask(url: string, token: string, order: object | null): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(CONTROL_ANSWER_MS_MAX),
      ...(order ? { method: 'POST', body: JSON.stringify(order) } : {}),
    });
  } catch (cause) {
    const why = systemText((cause as Error).cause ?? cause);
    throw new FaregateError('CONTROL_FAILED', `${url}: is the station running? ${why}`, { cause });
  }
  const answer = (await response.json()) as Answer & { message?: string };
  if (response.ok) return answer;
  const code = response.status === 400 ? 'MODE_INVALID' : 'CONTROL_FAILED';
  throw new FaregateError(code, `${url}: ${answer.message ?? response.statusText}`);
}
