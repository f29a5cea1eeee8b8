/**
 * The configuration of `faregate-gate run`: one JSON file for a gate or a whole station, checked
 * against a schema before anything is opened. `docs/gate-config.md` explains every field; names of
 * files are relative to the configuration's own folder.
 */
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { KERNEL_TEXT_LENGTH_MAX } from '../../engine/card-limits.ts';
import type { DenylistForm } from '../../engine/denylist/key-table.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import {
  FARE_NAME_LENGTH_MAX,
  GATE_CONFIG_BYTES_MAX,
  STATION_GATES_MAX,
} from '../../engine/limits.ts';
import { parseChecked } from '../../engine/schema/check.ts';
import { type CardFamily, cardFamilies, type Side } from '../../engine/tap/setting.ts';
import { Zone } from '../../engine/time.ts';
import type { Uplinks } from '../station.ts';
import { type BankConfig, bankSchema } from './bank.ts';

export interface SamConfig {
  /** A reader link, as `--reader` takes it. */
  readonly link: string;
  /** Hexadecimal; the T-Union PSAM's where absent. */
  readonly aid?: string;
  /** Short file id of the terminal id; absent: not read. */
  readonly terminalIdSfi?: number;
}

export interface GateConfig {
  readonly id: string;
  readonly side: Side;
  /** Id or name of a station in the fare set. */
  readonly station: string;
  /** As the fares' rules for cards name it; absent: none. */
  readonly network?: string;
  /** A reader link, as `--reader` takes it. */
  readonly reader: string;
  /** Of a reader with a kernel: the only certificate it may name; absent: each is good. */
  readonly kernelCertificate?: string;
  /** 6 bytes. */
  readonly terminalId: string;
  /** Folder of what enrolment gave. */
  readonly bundle: string;
  readonly journal: string;
  readonly sam?: SamConfig;
}

export interface ServiceConfig {
  readonly engine: { readonly host: string; readonly port: number };
  readonly keys: { readonly file: string; readonly passphraseFile?: string };
  /** IANA name. */
  readonly zone: string;
  readonly fares: string;
  /** Built-in names or files, in the order of selection. */
  readonly profiles: readonly string[];
  /** The same of AES closed-loop cards; absent: none are taken. */
  readonly desfireProfiles?: readonly string[];
  /** Bank cards; absent: none are taken. */
  readonly bank?: BankConfig;
  /** The order in which a card is asked for its family; absent: purses, AES cards, bank cards. */
  readonly families?: readonly CardFamily[];
  /** 2 bytes and 8 bytes of the journey record. */
  readonly city: string;
  readonly institution: string;
  /** Address of health and metrics; absent: none. */
  readonly health?: { readonly host: string; readonly port: number };
  /** Who may set the modes, and the folder that keeps them; absent: always normal. */
  readonly control?: { readonly folder: string; readonly tokenFile: string };
  readonly journalSegments?: number;
  /** Folder of the log that the journals share; false: none; absent: `shared-log.ts`. */
  readonly sharedLog?: string | false;
  /** Where the uplinks work; absent: on a thread. */
  readonly uplinks?: Uplinks;
  /** Folder of the station's denylist and the operator's public key; absent: nobody is stopped. */
  readonly denylist?: {
    readonly folder: string;
    readonly publicKey: string;
    readonly form?: DenylistForm;
  };
  /** Folder of the sets an engine publishes and the operator's public key; absent: none taken. */
  readonly parameters?: { readonly folder: string; readonly publicKey: string };
  readonly gates: readonly GateConfig[];
}

const text = { type: 'string', minLength: 1, maxLength: 4096 };
const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const hex = (bytes: number) => ({ type: 'string', pattern: `^([0-9A-Fa-f]{2}){${bytes}}$` });

const object = (required: readonly string[], properties: object) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

const gateSchema = object(['id', 'side', 'station', 'reader', 'terminalId', 'bundle', 'journal'], {
  id: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,12}$' },
  side: { enum: ['entry', 'exit', 'single'] },
  station: text,
  network: { type: 'string', minLength: 1, maxLength: FARE_NAME_LENGTH_MAX },
  reader: text,
  kernelCertificate: { type: 'string', minLength: 1, maxLength: KERNEL_TEXT_LENGTH_MAX },
  terminalId: hex(6),
  bundle: text,
  journal: text,
  sam: object(['link'], {
    link: text,
    aid: { type: 'string', pattern: '^([0-9A-Fa-f]{2}){5,16}$' },
    terminalIdSfi: { type: 'integer', minimum: 1, maximum: 30 },
  }),
});

const serviceConfigSchema = object(
  ['engine', 'keys', 'zone', 'fares', 'profiles', 'city', 'institution', 'gates'],
  {
    $schema: text,
    engine: object(['host', 'port'], { host: text, port }),
    keys: object(['file'], { file: text, passphraseFile: text }),
    zone: text,
    fares: text,
    profiles: { type: 'array', maxItems: 16, items: text },
    desfireProfiles: { type: 'array', minItems: 1, maxItems: 16, items: text },
    bank: bankSchema,
    families: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { enum: [...cardFamilies] },
    },
    city: hex(2),
    institution: hex(8),
    health: object(['host', 'port'], {
      host: text,
      port: { type: 'integer', minimum: 0, maximum: 65_535 },
    }),
    control: object(['folder', 'tokenFile'], { folder: text, tokenFile: text }),
    journalSegments: { type: 'integer', minimum: 2, maximum: 4096 },
    sharedLog: { anyOf: [text, { const: false }] },
    uplinks: { enum: ['thread', 'loop'] },
    denylist: object(['folder', 'publicKey'], {
      folder: text,
      publicKey: text,
      form: { enum: ['fast', 'small'] },
    }),
    parameters: object(['folder', 'publicKey'], { folder: text, publicKey: text }),
    gates: { type: 'array', minItems: 1, maxItems: STATION_GATES_MAX, items: gateSchema },
  },
);

/**
 * Reads and checks a configuration; names of files come back absolute.
 * @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID naming the field.
 */
export async function readServiceConfig(path: string): Promise<ServiceConfig> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  if (bytes.length > GATE_CONFIG_BYTES_MAX) {
    throw new FaregateError('CONFIG_INVALID', `${path}: over ${GATE_CONFIG_BYTES_MAX} bytes`);
  }
  const config = parseChecked<ServiceConfig>(
    serviceConfigSchema,
    bytes.toString('utf8'),
    'CONFIG_INVALID',
    path,
  );
  requireDistinct(config, path);
  requireKernels(config, path);
  requireZone(config.zone, path);
  requireLoopback(config, path);
  requireFamilies(config, path);
  const folder = dirname(path);
  const { bank, control, denylist, parameters, sharedLog } = config;
  const at = (name: string): string => (isAbsolute(name) ? name : join(folder, name));
  return {
    ...config,
    keys: {
      file: at(config.keys.file),
      ...(config.keys.passphraseFile ? { passphraseFile: at(config.keys.passphraseFile) } : {}),
    },
    ...(sharedLog ? { sharedLog: at(sharedLog) } : {}),
    fares: config.fares === 'sample' ? config.fares : at(config.fares),
    ...(control
      ? { control: { folder: at(control.folder), tokenFile: at(control.tokenFile) } }
      : {}),
    ...(denylist
      ? {
          denylist: {
            ...denylist,
            folder: at(denylist.folder),
            publicKey: at(denylist.publicKey),
          },
        }
      : {}),
    ...(parameters
      ? { parameters: { folder: at(parameters.folder), publicKey: at(parameters.publicKey) } }
      : {}),
    profiles: config.profiles.map((name) => (isFile(name) ? at(name) : name)),
    ...(bank ? { bank: bankFiles(bank, at) } : {}),
    ...(config.desfireProfiles
      ? { desfireProfiles: config.desfireProfiles.map((name) => (isFile(name) ? at(name) : name)) }
      : {}),
    gates: config.gates.map((gate) => ({
      ...gate,
      bundle: at(gate.bundle),
      journal: at(gate.journal),
    })),
  };
}

/** Whether it is a file's, and not that of something built in. */
function isFile(name: string): boolean {
  return /[./\\]/.test(name);
}

function bankFiles(bank: BankConfig, at: (name: string) => string): BankConfig {
  const { extendedProfile: profile, caKeys } = bank;
  const files = { ...bank, caKeys: at(caKeys) };
  return profile && isFile(profile) ? { ...files, extendedProfile: at(profile) } : files;
}

/** Two gates under one id, terminal, journal or reader would write over each other. */
function requireDistinct({ gates }: ServiceConfig, path: string): void {
  for (const field of ['id', 'terminalId', 'journal', 'reader'] as const) {
    const seen = new Map<string, number>();
    for (const [index, gate] of gates.entries()) {
      const value = field === 'terminalId' ? gate[field].toUpperCase() : gate[field];
      const before = seen.get(value);
      if (before !== undefined) {
        throw new FaregateError(
          'CONFIG_INVALID',
          `${path}: field /gates/${index}/${field} is that of /gates/${before}: ${value}`,
        );
      }
      seen.set(value, index);
    }
  }
}

/** A certificate that no reader would be asked for is a slip of the pen. */
function requireKernels({ gates }: ServiceConfig, path: string): void {
  for (const [index, { reader, kernelCertificate }] of gates.entries()) {
    if (kernelCertificate === undefined || reader.startsWith('kernel-')) continue;
    const field = `field /gates/${index}/kernelCertificate`;
    const message = `${path}: ${field} needs a reader kernel-tcp, kernel-local or kernel-serial`;
    throw new FaregateError('CONFIG_INVALID', message);
  }
}

/** Control answers where health does, and must not leave the machine. */
function requireLoopback({ control, health }: ServiceConfig, path: string): void {
  if (!control) return;
  if (health && ['127.0.0.1', '::1', 'localhost'].includes(health.host)) return;
  throw new FaregateError(
    'CONFIG_INVALID',
    `${path}: field /control needs /health/host to be 127.0.0.1, ::1 or localhost`,
  );
}

/** Where other families are taken, no purse's profile is needed; the order names what is taken. */
function requireFamilies(config: ServiceConfig, path: string): void {
  const { profiles, desfireProfiles, bank, families } = config;
  const taken = { purse: profiles.length > 0, desfire: !!desfireProfiles, bank: !!bank };
  if (!Object.values(taken).includes(true)) {
    throw new FaregateError(
      'CONFIG_INVALID',
      `${path}: field /profiles must NOT have fewer than 1`,
    );
  }
  if (!families) return;
  for (const family of cardFamilies) {
    const isNamed = families.includes(family);
    if (isNamed === taken[family]) continue;
    const what = isNamed ? `names ${family}, which needs` : `leaves out ${family} of`;
    const message = `${path}: field /families ${what} /${familyFields[family]}`;
    throw new FaregateError('CONFIG_INVALID', message);
  }
}

const familyFields: Readonly<Record<CardFamily, keyof ServiceConfig>> = {
  purse: 'profiles',
  desfire: 'desfireProfiles',
  bank: 'bank',
};

function requireZone(zone: string, path: string): void {
  try {
    new Zone(zone);
  } catch (cause) {
    const message = `${path}: field /zone is no time zone this machine knows: ${zone}`;
    throw new FaregateError('CONFIG_INVALID', message, { cause });
  }
}
