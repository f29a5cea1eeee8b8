/**
 * `faregate-gate virtual-card`: one virtual card as a program that connects to a reader which waits
 * for one (`faregate-gate tap --reader tcp-listen:PORT`). A test tool: it reads keys in clear.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromHex, isHex } from '../../engine/bytes.ts';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json-fault.ts';
import { KEY_FILE_BYTES_MAX } from '../../engine/limits.ts';
import { checkSchema } from '../../engine/schema/check.ts';
import { VirtualCard } from '../reader/virtual/card.ts';
import {
  type CardDetails,
  type CardState,
  cardLabel,
  issueCard,
  type MasterKey,
  type MasterKeys,
} from '../reader/virtual/card-state.ts';
import { citizenTestCard } from '../reader/virtual/citizen-test-card.ts';
import {
  type PersonalityName,
  personalities,
  type QuirkName,
  type Quirks,
  quirksByName,
} from '../reader/virtual/personality.ts';
import { CardFile, serveVirtualCard } from '../reader/virtual/program.ts';

const names = Object.keys(personalities).join(', ');
const BALANCE_MAX = 0x7fffffff;
const OVERDRAFT_MAX = 0xffffff;

/** The master key of the published purchase example, for a card that was given none. */
const exampleMaster = fromHex('11223344556677888877665544332211');
const exampleKey: MasterKey = { index: 1, version: 1, master: exampleMaster };

export const virtualCardCommand: Command = {
  name: 'virtual-card',
  about: 'Runs one virtual card that connects to a waiting reader (vpcd protocol). For tests.',
  options: {
    connect: { type: 'string', value: 'HOST:PORT', required: true, about: 'the waiting reader' },
    personality: { type: 'string', value: 'NAME', required: true, about: names },
    keys: { type: 'string', value: 'FILE', about: 'keys in clear; default: a published example' },
    'card-number': { type: 'string', value: 'HEX', about: '10 bytes as in file 15' },
    issuer: { type: 'string', value: 'HEX', about: '8 bytes as in file 15' },
    balance: { type: 'string', value: 'MINOR', about: 'money on a new card (default 10000)' },
    overdraft: { type: 'string', value: 'MINOR', about: 'overdraft limit (default 0)' },
    quirk: {
      type: 'string',
      multiple: true,
      value: 'NAME',
      about: `a deviation: ${Object.keys(quirksByName).join(', ')}`,
    },
    state: { type: 'string', value: 'FILE', about: 'keeps the card; an existing one goes on' },
    citizen: { type: 'boolean', about: 'a citizen card: e-cash and other services beside it' },
    once: { type: 'boolean', about: 'leaves the reader after one session' },
  },
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const { host, port } = address(args.need('connect'));
  const personality = personalityOf(args.need('personality'));
  const quirks = quirksOf(args.list('quirk'));
  const details = detailsOf(args);
  const keysPath = args.text('keys');
  const masters = keysPath ? readMasterKeys(keysPath) : { purchase: exampleKey, tac: exampleKey };
  const issue = (): CardState => issueCard(personality, masters, details);
  const path = args.text('state');
  const kept = path ? CardFile.open(path, issue) : null;
  try {
    const state = kept?.state ?? issue();
    if (state.personality !== personality) {
      throw new FaregateError('USAGE', `${path} holds a ${state.personality} card`);
    }
    const card = new VirtualCard({
      state,
      randomBytes,
      quirks,
      commit: (next) => kept?.file.commit(next),
    });
    io.out(`${cardLabel(state)}, balance ${state.balanceMinor}, goes to ${host}:${port}`);
    const served = args.flag('citizen') ? citizenTestCard(card, randomBytes).card : card;
    await serveVirtualCard({ host, port, card: served, once: args.flag('once') });
    const { balanceMinor, offlineCounter } = card.state;
    io.out(`${cardLabel(state)}, balance ${balanceMinor}, next counter ${offlineCounter}`);
    return 0;
  } finally {
    kept?.file.close();
  }
}

function address(text: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65_535) {
    throw new FaregateError('USAGE', `--connect takes HOST:PORT, not ${text}`);
  }
  return { host: match[1]!, port };
}

function personalityOf(name: string): PersonalityName {
  if (Object.hasOwn(personalities, name)) return name as PersonalityName;
  throw new FaregateError('USAGE', `--personality ${name}: known are ${names}`);
}

function quirksOf(asked: readonly string[]): Partial<Quirks> {
  const known = Object.keys(quirksByName).join(', ');
  const quirks: Partial<Quirks> = {};
  for (const name of asked) {
    if (!Object.hasOwn(quirksByName, name)) {
      throw new FaregateError('USAGE', `--quirk ${name}: known are ${known}`);
    }
    Object.assign(quirks, quirksByName[name as QuirkName]);
  }
  return quirks;
}

function detailsOf(args: Args): CardDetails {
  const cardNumber = hexOption(args, 'card-number', 10);
  const issuer = hexOption(args, 'issuer', 8);
  return {
    balanceMinor: args.whole('balance', 10_000, 0, BALANCE_MAX),
    overdraftLimitMinor: args.whole('overdraft', 0, 0, OVERDRAFT_MAX),
    ...(cardNumber && { cardNumber }),
    ...(issuer && { issuer }),
  };
}

function hexOption(args: Args, name: string, length: number): Uint8Array | null {
  const text = args.text(name);
  if (text === undefined) return null;
  if (isHex(text, length)) return fromHex(text);
  throw new FaregateError('USAGE', `--${name} takes ${length} bytes in hexadecimal, not ${text}`);
}

const keySchema = {
  type: 'object',
  required: ['index', 'version', 'master'],
  properties: {
    index: { type: 'integer', minimum: 0, maximum: 255 },
    version: { type: 'integer', minimum: 0, maximum: 255 },
    master: { type: 'string', pattern: '^[0-9A-Fa-f]{32}$' },
  },
};

const keyFileSchema = {
  type: 'object',
  required: ['purchase', 'tac'],
  properties: { purchase: keySchema, tac: keySchema, load: keySchema },
};

type KeyFile = Record<'purchase' | 'tac', KeyText> & { readonly load?: KeyText };
type KeyText = Omit<MasterKey, 'master'> & { readonly master: string };

/**
 * Keys in clear: `{"purchase": {"index", "version", "master"}, "tac": {...}}`, `load` if it has its
 * own. The message never shows a key.
 * @throws FaregateError FILE_UNREADABLE or KEYS_INVALID naming the file and the field.
 */
export function readMasterKeys(path: string): MasterKeys {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  if (text.length > KEY_FILE_BYTES_MAX) {
    throw new FaregateError('KEYS_INVALID', `${path}: larger than ${KEY_FILE_BYTES_MAX} bytes`);
  }
  const data = parseJson(text, 'KEYS_INVALID', path);
  const file = checkSchema<KeyFile>(keyFileSchema, data, 'KEYS_INVALID', path);
  const key = (k: KeyText): MasterKey => ({ ...k, master: fromHex(k.master) });
  const keys = { purchase: key(file.purchase), tac: key(file.tac) };
  return file.load ? { ...keys, load: key(file.load) } : keys;
}
