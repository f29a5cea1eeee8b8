/** The `bank` section of a station's configuration: bank cards (docs/gate-config.md, ecash.md). */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fromHex } from '../../engine/bytes.ts';
import { CaKeys } from '../../engine/card/qpboc/oda/ca-keys.ts';
import { Issuers } from '../../engine/card/qpboc/oda/issuers.ts';
import { CA_KEYS_FILE_BYTES_MAX } from '../../engine/card-limits.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import type { FareVersions } from '../../engine/fare/book.ts';
import { GATE_CONFIG_BYTES_MAX } from '../../engine/limits.ts';
import { parseChecked } from '../../engine/schema/check.ts';
import type { HoldRule } from '../../engine/tap/setting.ts';
import type { PlannedBank } from '../station-bank.ts';
import { openExtendedProfile } from './extended-profile.ts';

export interface BankConfig {
  /** File of CA public keys. */
  readonly caKeys: string;
  /** Names of applications in hexadecimal, or what they begin with. */
  readonly applications: readonly string[];
  /** 9F66, 4 bytes; `28000080` where absent. */
  readonly qualifiers?: string;
  /** ISO 3166 and ISO 4217 numbers. */
  readonly country: number;
  readonly currency: number;
  /** Whether cards may sign by SM2; absent: no. */
  readonly sm2?: boolean;
  readonly ecash?: boolean;
  readonly openLoop?: boolean;
  /** Whether cards that sign by fDDA v00 are taken; absent: yes. */
  readonly fddaV00?: boolean;
  /** The most that one tap takes from a card. */
  readonly maxAmountMinor: number;
  /**
   * Name or file of a profile of the extended application, by which e-cash pays rides in and out;
   * absent: it pays single rides alone.
   */
  readonly extendedProfile?: string;
  /** What entries hold on cards (`docs/ecash.md`); absent: nothing. */
  readonly hold?: HoldRule;
}

const QUALIFIERS = '28000080';
const APPLICATIONS_MAX = 8;
const AMOUNT_MINOR_MAX = 0xffff_ffff;

const flag = { type: 'boolean' };
const number3 = { type: 'integer', minimum: 1, maximum: 999 };

export const bankSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['caKeys', 'applications', 'country', 'currency', 'maxAmountMinor'],
  properties: {
    caKeys: { type: 'string', minLength: 1, maxLength: 4096 },
    applications: {
      type: 'array',
      minItems: 1,
      maxItems: APPLICATIONS_MAX,
      uniqueItems: true,
      items: { type: 'string', pattern: '^([0-9A-Fa-f]{2}){5,16}$' },
    },
    qualifiers: { type: 'string', pattern: '^[0-9A-Fa-f]{8}$' },
    country: number3,
    currency: number3,
    sm2: flag,
    ecash: flag,
    openLoop: flag,
    fddaV00: flag,
    maxAmountMinor: { type: 'integer', minimum: 1, maximum: AMOUNT_MINOR_MAX },
    extendedProfile: { type: 'string', minLength: 1, maxLength: 4096 },
    hold: {
      anyOf: [{ const: 'maxFare' }, { type: 'integer', minimum: 1, maximum: AMOUNT_MINOR_MAX }],
    },
  },
  // The extended application is e-cash's.
  dependentSchemas: {
    extendedProfile: { required: ['ecash'], properties: { ecash: { const: true } } },
  },
  dependentRequired: { hold: ['extendedProfile'] },
  // One of the two, or nothing is taken.
  anyOf: [
    { required: ['ecash'], properties: { ecash: { const: true } } },
    { required: ['openLoop'], properties: { openLoop: { const: true } } },
  ],
};

/**
 * @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID, CA_KEYS_INVALID, PROFILE_INVALID naming
 *   the field.
 */
export async function openBank(config: BankConfig): Promise<PlannedBank> {
  const { caKeys, applications, qualifiers = QUALIFIERS } = config;
  const { country, currency, sm2 = false, ecash = false, openLoop = false } = config;
  const extended = await openExtended(config);
  return {
    accepted: applications.map(fromHex),
    terminal: { qualifiers: fromHex(qualifiers), country, currency, transactionType: 0, sm2 },
    issuers: new Issuers(await openCaKeys(caKeys)),
    policy: { fddaV00: config.fddaV00 ?? true, staticData: false },
    ecash,
    openLoop,
    maxAmountMinor: config.maxAmountMinor,
    ...extended,
  };
}

async function openExtended({
  extendedProfile: name,
  hold,
  maxAmountMinor,
}: BankConfig): Promise<Pick<PlannedBank, 'extendedProfile' | 'hold'>> {
  if (name === undefined) return {};
  const extendedProfile = await openExtendedProfile(name);
  if (hold === undefined) return { extendedProfile };
  if (extendedProfile.layout.maxIncompleteAmount.length === 0) {
    const message = `field /bank/hold: profile ${name} has no field maxIncompleteAmount for it`;
    throw new FaregateError('CONFIG_INVALID', message);
  }
  if (hold !== 'maxFare' && hold > maxAmountMinor) {
    throw new FaregateError('CONFIG_INVALID', 'field /bank/hold is over /bank/maxAmountMinor');
  }
  return { extendedProfile, hold };
}

/**
 * The same of a file with the section alone; names of files are relative to its folder.
 * @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID, CA_KEYS_INVALID naming file and field
 */
export async function openBankFile(path: string): Promise<PlannedBank> {
  const text = (await readBounded(path, GATE_CONFIG_BYTES_MAX, 'CONFIG_INVALID')).toString('utf8');
  const config = parseChecked<BankConfig>(bankSchema, text, 'CONFIG_INVALID', path);
  return openBank({ ...config, caKeys: resolve(dirname(path), config.caKeys) });
}

/**
 * In what money fares are that bank cards would pay in other money, the same number of it; null:
 * all versions are in theirs.
 */
export function foreignFares(
  { terminal }: Pick<PlannedBank, 'terminal'>,
  { versions }: FareVersions,
): string | null {
  const other = versions.find(({ currencyNumber }) => currencyNumber !== terminal.currency);
  if (!other) return null;
  return `fare version ${other.version} is in ${other.currency}, ${other.currencyNumber}`;
}

/**
 * @param field of the bank cards' currency, in the file `source`
 * @throws FaregateError CONFIG_INVALID naming both: the fares are in other money
 */
export function requireOwnMoney(
  bank: PlannedBank,
  fares: FareVersions,
  source: string,
  field: string,
): void {
  const foreign = foreignFares(bank, fares);
  if (foreign === null) return;
  const message = `${source}: field ${field} is ${bank.terminal.currency}, but ${foreign}`;
  throw new FaregateError('CONFIG_INVALID', message);
}

/** @throws FaregateError FILE_UNREADABLE, CA_KEYS_INVALID naming the file and the field. */
async function openCaKeys(path: string): Promise<CaKeys> {
  const bytes = await readBounded(path, CA_KEYS_FILE_BYTES_MAX, 'CA_KEYS_INVALID');
  return CaKeys.parse(bytes.toString('utf8'), path);
}

async function readBounded(
  path: string,
  bytesMax: number,
  code: 'CONFIG_INVALID' | 'CA_KEYS_INVALID',
): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  if (bytes.length > bytesMax) throw new FaregateError(code, `${path}: over ${bytesMax} bytes`);
  return bytes;
}
