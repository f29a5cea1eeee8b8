/**
 * The log: one JSON object a line on standard error. The one importer of pino. Card numbers must
 * not reach it (PCI DSS 3.5.1): fields are flat plain values, those named like card data are struck
 * out, and a run of 12 or more digits in any text keeps its last four only.
 */
import { destination, pino } from 'pino';
import { FaregateError } from '../errors.ts';

export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The level that a user names. @throws FaregateError USAGE. */
export function logLevelOf(text: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (!level) throw new FaregateError('USAGE', `--log-level takes ${logLevels.join(', ')}`);
  return level;
}

/** Bytes have no place here: a card number is bytes. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}

const struckOut = /^(card|cardNumber|pan|track2|key|masterKey|passphrase|factors)$/i;
const digitRun = /\d{12,}/g;

/**
 * A log of the lines at `level` and above; `name` says which program writes. `write` takes the
 * finished lines instead of standard error.
 */
export function createLog(name: string, level: LogLevel, write?: (line: string) => void): Log {
  const stream = write ? { write } : destination({ fd: 2, sync: true });
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: clean },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map(masked) as Parameters<typeof method>);
        },
      },
    },
    stream,
  );
}

/** A log that says nothing. */
export const silentLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

function clean(fields: Record<string, unknown>): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const plain = typeof value !== 'object' || value === null;
    cleaned[name] = struckOut.test(name) || !plain ? '[struck out]' : masked(value);
  }
  return cleaned;
}

function masked(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replace(digitRun, (digits) => `...${digits.slice(-4)}`);
}
