/** How an operator runs open-loop fares: `openloop.json`; every member may be left out. */
import { join } from 'node:path';
import { OPEN_LOOP_GRACE_MS } from '../durations.ts';
import { FaregateError } from '../errors.ts';
import {
  OPEN_LOOP_DEBT_DAYS,
  OPEN_LOOP_RETRIES_MAX,
  OPEN_LOOP_RISK_LIMIT_MINOR,
} from '../limits.ts';
import { readSettingsFile } from '../schema/settings-file.ts';
import { SERVICE_DAY_START_MINUTES } from '../service-day.ts';
import type { DebtPolicy } from './charges.ts';

const MINUTE_MS = 60_000;

export interface OpenLoopPolicy extends DebtPolicy {
  /** Unpaid above this, a card is stopped. */
  readonly riskLimitMinor: number;
  /** Whether the issuer of a card never seen before is asked about it. */
  readonly verifiesNewCards: boolean;
}

export interface OpenLoopSettings extends OpenLoopPolicy {
  readonly zone: string;
  readonly dayStartMinutes: number;
  /** From the end of a service day until it is closed: late taps arrive. */
  readonly graceMinutes: number;
  /** ISO 4217 number. */
  readonly currency: number;
  /** Class of riders and medium of bank cards in the fares; null: their default. */
  readonly rider: string | null;
  readonly media: string | null;
}

const defaults: OpenLoopSettings = {
  zone: 'Asia/Shanghai',
  dayStartMinutes: SERVICE_DAY_START_MINUTES,
  graceMinutes: OPEN_LOOP_GRACE_MS / MINUTE_MS,
  currency: 156,
  rider: null,
  media: null,
  riskLimitMinor: OPEN_LOOP_RISK_LIMIT_MINOR,
  verifiesNewCards: true,
  retryDays: [1, 3, 7, 14],
  debtDaysMax: OPEN_LOOP_DEBT_DAYS,
};

const days = { type: 'integer', minimum: 0, maximum: 3650 };
const name = { type: ['string', 'null'], minLength: 1, maxLength: 255 };
const schema = {
  type: 'object',
  properties: {
    zone: { type: 'string' },
    dayStartMinutes: { type: 'integer', minimum: 0, maximum: 24 * 60 - 1 },
    graceMinutes: { type: 'integer', minimum: 0, maximum: 30 * 24 * 60 },
    currency: { type: 'integer', minimum: 1, maximum: 999 },
    rider: name,
    media: name,
    riskLimitMinor: { type: 'integer', minimum: 0, maximum: 0x7fff_ffff },
    verifiesNewCards: { type: 'boolean' },
    retryDays: {
      type: 'array',
      items: { ...days, minimum: 1 },
      maxItems: OPEN_LOOP_RETRIES_MAX,
    },
    debtDaysMax: days,
  },
  additionalProperties: false,
};

/** @throws FaregateError CONFIG_INVALID naming the field, FILE_UNREADABLE. */
export async function readOpenLoopSettings(dataDir: string): Promise<OpenLoopSettings> {
  const path = join(dataDir, 'openloop.json');
  const settings = await readSettingsFile(path, schema, defaults);
  const isRising = settings.retryDays.every((day, i, all) => i === 0 || day > all[i - 1]!);
  if (isRising) return settings;
  throw new FaregateError('CONFIG_INVALID', `${path}: retryDays do not rise`);
}
