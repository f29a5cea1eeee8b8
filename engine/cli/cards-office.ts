/** What the `cards` commands share: the options that name cards and the office that opens them. */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, isHex } from '../bytes.ts';
import { compileProfile } from '../card/purse/compile.ts';
import { LoadDesk } from '../cards/load-desk.ts';
import { ORDER_ID_PATTERN } from '../cards/messages.ts';
import { type Refused, refusals } from '../cards/model.ts';
import { type CardSettings, limitsOf, openCards, readCardSettings } from '../cards/open.ts';
import { OrderDesk } from '../cards/order-desk.ts';
import { CardRegister } from '../cards/register.ts';
import type { CardStore } from '../cards/rows.ts';
import { CardNames } from '../cards/shown-card.ts';
import { Keyring } from '../crypto/keyring.ts';
import { LoadKeys } from '../crypto/load-keys.ts';
import { cmacKey } from '../crypto/mac.ts';
import { CARD_NUMBER_BYTES } from '../denylist/card-hash.ts';
import { FaregateError } from '../errors.ts';
import { Ledger } from '../ledger/ledger.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { CARD_REFERENCE_LENGTH_MAX } from '../limits.ts';
import { isDataFolder } from '../operator/data-folder.ts';
import { openProfile } from '../operator/profile-files.ts';
import { Zone } from '../time.ts';
import type { Args, Io, Option } from './command.ts';
import { keySetFrom } from './key-file.ts';
import { LEDGER_FOLDER } from './ledger.ts';

export const officeOptions = {
  data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
  keys: { type: 'string', value: 'FILE', required: true, about: 'sealed key file' },
  'passphrase-file': { type: 'string', value: 'FILE', about: 'passphrase of the key file' },
  json: { type: 'boolean', about: 'print one JSON object' },
} as const satisfies Record<string, Option>;

export const numberOption: Option = {
  type: 'string',
  value: 'HEX',
  required: true,
  about: 'card number, 10 bytes as the card has it',
};
export const orderOption: Option = {
  type: 'string',
  value: 'ID',
  required: true,
  about: "the order's id, of the caller's making; told again it is the same order",
};

/** Everything a command needs, open. */
export interface Office {
  readonly settings: CardSettings;
  /** Of the profiles whose cards are loaded. */
  readonly profileNames: readonly string[];
  readonly store: CardStore;
  readonly register: CardRegister;
  readonly orders: OrderDesk;
  readonly loads: LoadDesk;
  /** Keyed hash of `--number`, or of another option that names a card. */
  readonly cardOf: (option: string) => { readonly card: string; readonly lastDigits: string };
}

type Work = (office: Office) => Promise<number>;

/** @throws FaregateError CARDS_MISSING where there are no accounts; nothing is made then. */
export function inOffice(args: Args, io: Io, work: Work): Promise<number> {
  return withOffice(args, io, work, true);
}

/**
 * Makes the accounts where an engine has none yet.
 * @throws FaregateError CARDS_MISSING where the folder is no engine's; nothing is made then.
 */
export async function foundOffice(args: Args, io: Io, work: Work): Promise<number> {
  return withOffice(args, io, work, !(await isDataFolder(args.need('data'))));
}

async function withOffice(args: Args, io: Io, work: Work, mustExist: boolean): Promise<number> {
  const dataDir = args.need('data');
  const keySet = await keySetFrom(args, io);
  const settings = await readCardSettings(dataDir);
  const cardHash = cmacKey(keySet.cardHash);
  const profiles = (await Promise.all(settings.profiles.map(openProfile))).map(compileProfile);
  const names = new CardNames(profiles, cardHash);
  const store = await openCards(dataDir, cardHash, { mustExist });
  try {
    const zone = new Zone(settings.zone);
    const parts = { store, limits: limitsOf(settings), zone, nowMs: Date.now };
    const orders = new OrderDesk(parts);
    const loads = new LoadDesk({
      ...parts,
      names,
      keys: new LoadKeys(new Keyring(keySet.keys)),
      random: (length) => new Uint8Array(randomBytes(length)),
    });
    const register = new CardRegister(store, Date.now);
    const cardOf = (option: string) => names.ofNumber(numberFrom(args, option));
    const profileNames = profiles.map(({ name }) => name);
    return await work({ settings, profileNames, store, register, orders, loads, cardOf });
  } finally {
    await store.close();
  }
}

function numberFrom(args: Args, option: string): Uint8Array {
  const text = args.need(option);
  if (isHex(text, CARD_NUMBER_BYTES)) return fromHex(text);
  const wanted = `${2 * CARD_NUMBER_BYTES} hexadecimal digits`;
  throw new FaregateError('USAGE', `--${option} takes a card number of ${wanted}`);
}

export function orderIdFrom(args: Args): string {
  const text = args.need('order');
  if (new RegExp(ORDER_ID_PATTERN).test(text)) return text;
  throw new FaregateError('USAGE', '--order takes up to 32 letters, digits, ., _ and -');
}

/** A reference of a bank, a till or a holder; undefined where the option is absent. */
export function referenceFrom(args: Args, option: string): string | undefined {
  const text = args.text(option);
  if (text === undefined || /^[ -~]+$/.test(text)) {
    if ((text?.length ?? 1) <= CARD_REFERENCE_LENGTH_MAX) return text;
  }
  const wanted = `1 to ${CARD_REFERENCE_LENGTH_MAX} printable characters`;
  throw new FaregateError('USAGE', `--${option} takes ${wanted}`);
}

/** @throws FaregateError CARD_REFUSED, in words. */
export function granted<R extends object>(answer: R | Refused): R {
  if ('refused' in answer && typeof answer.refused === 'string' && answer.refused in refusals) {
    const code = (answer as Refused).refused;
    throw new FaregateError('CARD_REFUSED', `${code}: ${refusals[code]}`);
  }
  return answer as R;
}

/** Prints what was done: one JSON object, or the words. */
export function tell(args: Args, io: Io, what: object, words: readonly string[]): number {
  if (args.flag('json')) io.out(JSON.stringify(what));
  else for (const line of words) io.out(line);
  return 0;
}

/** Runs `work` on the ledger beside the engine that posts to it; null where there is none yet. */
export async function besideLedger<R>(
  dataDir: string,
  work: (ledger: Ledger, store: LedgerStore) => R | Promise<R>,
): Promise<R | null> {
  const path = join(dataDir, LEDGER_FOLDER);
  if (!existsSync(join(path, 'data.mdb'))) return null;
  const store = LmdbStore.open(path, { readOnly: true });
  try {
    return await work(await Ledger.open(store), store);
  } finally {
    await store.close();
  }
}
