/**
 * The operator's engine, composed: ledger on lmdb, ingest over TLS, HTTP for people and monitors.
 * Files under the data folder: `ledger/`, `pki/`, `gates.json`, `storage.key`, `parameters/`, and
 * `clearing/` (`clearing.ts`).
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { CryptogramKeyring } from '../crypto/cryptogram-keyring.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { type CmacKey, cmac16 } from '../crypto/mac.ts';
import { FaregateError } from '../errors.ts';
import { allCurrencies, currencyOf } from '../fare/currencies.ts';
import { Ledger } from '../ledger/ledger.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import { HEAP_GROWTH_PERCENT } from '../limits.ts';
import type { Log } from '../log/log.ts';
import type { DesfireScheme } from './desfire-evidence.ts';
import { EngineState } from './engine-state.ts';
import { ensurePki } from './enrolment.ts';
import { createHttp, type HttpServer } from './http.ts';
import { IngestServer } from './ingest.ts';
import { parametersDir } from './parameter-files.ts';
import { ParameterShelf } from './parameter-shelf.ts';
import { createRecordChecks } from './record-checks.ts';
import { GateRegistry, readRegistry } from './registry.ts';
import { makeStorageKey } from './storage-key.ts';

const OBSERVE_MS = 1000;

export interface EngineOptions {
  readonly dataDir: string;
  readonly keyring: Keyring;
  /** Where gates take AES closed-loop cards. */
  readonly desfire?: DesfireScheme;
  /** Of the issuers whose application cryptograms the operator verifies itself. */
  readonly cryptograms?: CryptogramKeyring;
  /** Key of the keyed hash of card numbers. */
  readonly cardHash: CmacKey;
  /** That gates reach. */
  readonly host: string;
  /** Of dashboard, API and metrics, which have no accounts; left out: as `host`. */
  readonly httpHost?: string;
  /** Names and addresses the server certificate covers besides localhost. */
  readonly names: readonly string[];
  /** 0 for any free one. */
  readonly uplinkPort: number;
  readonly httpPort: number;
  /** Shown on the dashboard. */
  readonly city: string;
  /** ISO 4217 alphabetic code of the amounts shown. */
  readonly currency: string;
  readonly log: Log;
  readonly onFailure: (error: unknown) => void;
}

export interface RunningEngine {
  readonly uplinkPort: number;
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  /** Finishes what gates have sent, and closes. */
  stop(): Promise<void>;
}

/** @throws FaregateError PORT_IN_USE, STORE_FAILED, FILE_UNREADABLE, CONFIG_INVALID. */
export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  const { dataDir, log, host } = options;
  const currency = currencyOf(options.currency);
  if (!currency) throw new FaregateError('CONFIG_INVALID', `no such currency: ${options.currency}`);
  await mkdir(dataDir, { recursive: true });
  letHeapGrow();
  const pki = await ensurePki(dataDir, options.names);
  const store = LmdbStore.open(join(dataDir, 'ledger'));
  try {
    const ledger = await Ledger.open(store);
    const checks = createRecordChecks({
      keyring: options.keyring,
      ...(options.desfire ? { desfire: options.desfire } : {}),
      ...(options.cryptograms ? { cryptograms: options.cryptograms } : {}),
      cardHash: options.cardHash,
      storageKey: await makeStorageKey(dataDir),
      salt: new Uint8Array(randomBytes(16)),
    });
    const registry = new GateRegistry(dataDir, (error) =>
      log.error({ code: error.code }, error.message),
    );
    const ingest = new IngestServer({
      host,
      port: options.uplinkPort,
      pki,
      registry,
      ledger,
      checks,
      log,
      parameters: new ParameterShelf(parametersDir(dataDir), (error) =>
        log.error({ code: error.code }, error.message),
      ),
      onFailure: options.onFailure,
    });
    const uplinkPort = await ingest.listen();
    let stopping = false;
    const codes = new Map(allCurrencies().map(({ number, code }) => [number, code]));
    const state = new EngineState({
      ledger,
      ingest,
      enrolled: () => readRegistry(dataDir),
      ready: () => !stopping,
      city: options.city,
      currency: { code: currency.code, decimals: currency.decimals },
      currencyCode: (number) => codes.get(number) ?? String(number),
    });
    const http: HttpServer = createHttp({ view: state, log });
    const address = await http
      .listen(options.httpHost ?? host, options.httpPort)
      .catch(async (error: unknown) => {
        await ingest.close();
        throw error;
      });
    // Reports are counted as they come, whether or not anybody looks at the page.
    const observing = setInterval(() => void state.state(), OBSERVE_MS);
    const stop = async (): Promise<void> => {
      stopping = true;
      clearInterval(observing);
      await http.close();
      await ingest.close();
      await store.close();
    };
    return { uplinkPort, address, stop };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * V8 counts buffers against a limit that goes by the heap alone, some 20 MB here. Every upload
 * leaves four times its size in short-lived buffers (TLS, ciphers), so that at full load the whole
 * heap was gone through every 30,000 debits. With room, the young generation's collections free
 * nearly all of them.
 */
function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}

/** Keyed hash of a card number, 16 bytes: what the ledger knows a card by. */
export function hashCard(key: CmacKey, cardNumber: Uint8Array): Uint8Array {
  const hash = new Uint8Array(16);
  cmac16(key, cardNumber, 0, cardNumber.length, hash);
  return hash;
}
