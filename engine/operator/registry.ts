/** The registry of enrolled gates, `gates.json`: who may upload, under which certificate. */
import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GATE_ID_PATTERN } from '../debit/record.ts';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { GATES_FILE_BYTES_MAX, GATES_MAX } from '../limits.ts';
import { readText, writeWhole } from '../pki/files.ts';
import { parseChecked } from '../schema/check.ts';
import { seldom } from './seldom.ts';

export interface EnrolledGate {
  readonly id: string;
  readonly station: string;
  /** Hexadecimal, upper case, as is the SHA-256 fingerprint of the certificate's DER form. */
  readonly serial: string;
  readonly fingerprint: string;
  /** ISO 8601, UTC. */
  readonly enrolledAt: string;
  readonly revoked: string | null;
}

const schema = {
  type: 'object',
  required: ['gates'],
  additionalProperties: false,
  properties: {
    gates: {
      type: 'array',
      maxItems: GATES_MAX,
      items: {
        type: 'object',
        required: ['id', 'station', 'serial', 'fingerprint', 'enrolledAt', 'revoked'],
        additionalProperties: false,
        properties: {
          id: { type: 'string', pattern: GATE_ID_PATTERN.source },
          station: { type: 'string' },
          serial: { type: 'string', pattern: '^[0-9A-F]+$' },
          fingerprint: { type: 'string', pattern: '^[0-9A-F]{64}$' },
          enrolledAt: { type: 'string' },
          revoked: { type: ['string', 'null'] },
        },
      },
    },
  },
} as const;

export function gatesFile(dataDir: string): string {
  return join(dataDir, 'gates.json');
}

/** The gates enrolled in `dataDir`. @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID. */
export async function readRegistry(dataDir: string): Promise<EnrolledGate[]> {
  const path = gatesFile(dataDir);
  try {
    await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
  }
  return parse(await readText(path, GATES_FILE_BYTES_MAX), path);
}

/** Replaces the registry, whole or not at all. @throws FaregateError DISK_FULL, FILE_UNWRITABLE. */
export async function writeRegistry(
  dataDir: string,
  gates: readonly EnrolledGate[],
): Promise<void> {
  const sorted = [...gates].sort((a, b) => (a.id < b.id ? -1 : 1));
  await writeWhole(gatesFile(dataDir), [`${JSON.stringify({ gates: sorted }, null, 1)}\n`], 0o644);
}

/**
 * The registry as a running engine sees it: looked up by gate, read again when the file changed,
 * within FILES_LOOK_MS. A changed file that cannot be read leaves the former gates in force and is
 * told to `onError`.
 */
export class GateRegistry {
  readonly #path: string;
  readonly #onError: (error: FaregateError) => void;
  #gates: ReadonlyMap<string, EnrolledGate> = new Map();
  #version = '';
  readonly #isDue: () => boolean;

  /**
   * @param isDue whether to look at the file
   * @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID when the file is unsound at first.
   */
  constructor(
    dataDir: string,
    onError: (error: FaregateError) => void,
    isDue: () => boolean = seldom(),
  ) {
    this.#isDue = isDue;
    this.#path = gatesFile(dataDir);
    this.#onError = onError;
    this.#version = this.#fileVersion();
    if (this.#version !== '') this.#read();
  }

  /** The gate's entry, revoked or not. */
  find(gateId: string): EnrolledGate | undefined {
    this.#refresh();
    return this.#gates.get(gateId);
  }

  list(): EnrolledGate[] {
    this.#refresh();
    return [...this.#gates.values()];
  }

  #refresh(): void {
    if (!this.#isDue()) return;
    const version = this.#fileVersion();
    if (version === this.#version) return;
    this.#version = version;
    try {
      if (version === '') throw new FaregateError('FILE_UNREADABLE', `${this.#path} is gone`);
      this.#read();
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      this.#onError(error);
    }
  }

  #read(): void {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (cause) {
      throw new FaregateError('FILE_UNREADABLE', `${this.#path}: ${systemText(cause)}`);
    }
    this.#gates = new Map(parse(text, this.#path).map((gate) => [gate.id, gate]));
  }

  /** Changes whenever the file is replaced; empty where there is none. A few microseconds. */
  #fileVersion(): string {
    const facts = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    return facts ? `${facts.ino}.${facts.mtimeNs}.${facts.size}` : '';
  }
}

function parse(text: string, path: string): EnrolledGate[] {
  return parseChecked<{ gates: EnrolledGate[] }>(schema, text, 'CONFIG_INVALID', path).gates;
}
