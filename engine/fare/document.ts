/**
 * One version of a fare set as two texts: a document for people to read (JSON) and the matrix as
 * little-endian 32-bit integers, rider by rider, row by row. A hash ties the two together. Folders
 * (`engine/operator/fare-files.ts`) and parameter sets (`engine/parameters/fares-item.ts`) hold them.
 */

import { createHash } from 'node:crypto';
import { fromHex, toHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import {
  FARE_AMOUNT_MINOR_MAX,
  FARE_NAME_LENGTH_MAX,
  FARE_RIDERS_MAX,
  FARE_STATIONS_MAX,
  GTFS_ROWS_MAX,
} from '../limits.ts';
import { parseChecked } from '../schema/check.ts';
import { closed } from '../schema/shapes.ts';
import type { CardRules } from './card/rules.ts';
import { cardRulesSchema } from './card/rules-schema.ts';
import type { FareRules, FareSet } from './fares.ts';
import { formatInstant, parseInstant } from './instant.ts';
import type { FareProducts } from './product.ts';
import { fareProductsSchema } from './product-schema.ts';
import { faultOf } from './set.ts';
import { tariffSpecs, termsSpecs } from './terms/schema.ts';
import type { FareTable, FareVersion } from './version.ts';

/** What `fares.json` says; `sha256` covers the rest of it and the matrix. */
export interface FareDocument {
  readonly version: number;
  readonly effective: string;
  readonly currency: string;
  readonly riders: readonly string[];
  readonly rules: FareRules;
  /** What gates count on cards; absent where there is nothing. */
  readonly card?: CardRules;
  /** What is sold beside rides; absent where there is nothing. */
  readonly products?: FareProducts;
  readonly stations: readonly {
    readonly id: string;
    readonly name: string;
    readonly code: string;
  }[];
  /** Terms and tariffs that stand beside it; only in folders, and only where there are some. */
  readonly tables?: readonly FareTable[];
  /** SHA-256 of the distances; only where fares go by distance. */
  readonly distances?: string;
  readonly sha256: string;
}

const amount = { type: 'integer', minimum: 0, maximum: FARE_AMOUNT_MINOR_MAX };
const text = { type: 'string', minLength: 1, maxLength: FARE_NAME_LENGTH_MAX };

const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' };

const documentSchema = closed(
  {
    version: { type: 'integer', minimum: 1, maximum: 0xffff_ffff },
    effective: { type: 'string' },
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    riders: { type: 'array', items: text, minItems: 1, maxItems: FARE_RIDERS_MAX },
    rules: closed(
      {
        entryBalanceMinor: amount,
        sameStationMinor: amount,
        sameStationMinutes: amount,
        overstayMinor: amount,
        maxMinutes: amount,
        passBackSeconds: amount,
        missingTapMinor: { type: ['integer', 'null'], minimum: 0, maximum: FARE_AMOUNT_MINOR_MAX },
      },
      { negativeBalanceMinor: amount },
    ),
    stations: {
      type: 'array',
      items: closed({ id: text, name: text, code: { type: 'string', pattern: '^[0-9A-F]{8}$' } }),
      minItems: 2,
      maxItems: FARE_STATIONS_MAX,
    },
    sha256: hash,
  },
  {
    card: cardRulesSchema,
    products: fareProductsSchema,
    tables: {
      type: 'array',
      items: closed({
        name: { enum: Object.keys({ ...termsSpecs, ...tariffSpecs }) },
        rows: { type: 'integer', minimum: 0, maximum: GTFS_ROWS_MAX },
        sha256: hash,
      }),
      minItems: 1,
    },
    distances: hash,
  },
);

type FareBody = Omit<FareDocument, 'sha256'>;

/** @throws FaregateError FARES_INVALID naming `what`, the document, and the field. */
export function parseFareDocument(json: string, what: string): FareDocument {
  return parseChecked<FareDocument>(documentSchema, json, 'FARES_INVALID', what);
}

/** Bytes of the matrix that a document asks for. */
export function matrixBytes({ riders, stations }: FareDocument): number {
  return riders.length * stations.length ** 2 * 4;
}

/**
 * The fare set that a document and a matrix of `matrixBytes` are.
 * @param what names document and matrix in errors
 * @throws FaregateError FARES_INVALID
 */
export function readFareSet(
  document: FareDocument,
  matrix: Uint8Array,
  what: { readonly document: string; readonly matrix: string },
): FareSet {
  const asked = matrixBytes(document);
  if (matrix.length !== asked) {
    const there = `${matrix.length} bytes where the document asks for ${asked}`;
    throw new FaregateError('FARES_INVALID', `${what.matrix}: ${there}`);
  }
  const { sha256, ...body } = document;
  const set = setOf(body, matrix);
  if (hashOf(body, matrix) !== sha256) {
    const why = 'field /sha256 does not match; the document or the matrix was changed';
    throw new FaregateError('FARES_INVALID', `${what.document}: ${why}`);
  }
  const fault = faultOf(set);
  if (fault !== null) throw new FaregateError('FARES_INVALID', `${what.document}: ${fault}`);
  return set;
}

/** Document and matrix of a fare set. Sets that say the same have the same hash. */
export function printFareSet(set: FareSet): {
  readonly document: FareDocument;
  readonly matrix: Uint8Array;
} {
  const matrix = int32Bytes(set.matrix);
  const body = bodyOf(set);
  return { document: { ...body, sha256: hashOf(body, matrix) }, matrix };
}

/** The same of a version in a folder, whose document names the tables that stand beside it. */
export function printFareVersion(version: FareVersion): {
  readonly document: FareDocument;
  readonly matrix: Uint8Array;
  /** null where fares do not go by distance. */
  readonly distances: Uint8Array | null;
} {
  const { tables, tariff } = version;
  const matrix = int32Bytes(version.matrix);
  const distances = tariff && int32Bytes(tariff.distances);
  const body = {
    ...bodyOf(version),
    ...(tables.length > 0 ? { tables } : {}),
    ...(distances ? { distances: sha256Of(distances) } : {}),
  };
  return { document: { ...body, sha256: hashOf(body, matrix) }, matrix, distances };
}

/** 32-bit integers, little-endian, as the files hold them. */
function int32Bytes(numbers: Int32Array): Uint8Array {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (let i = 0; i < numbers.length; i++) bytes.writeInt32LE(numbers[i]!, i * 4);
  return bytes;
}

/** @param bytes a multiple of 4 of them. */
export function int32sOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Int32Array(bytes.length / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getInt32(i * 4, true);
  return numbers;
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function setOf(body: FareBody, bytes: Uint8Array): FareSet {
  return {
    version: body.version,
    effectiveMs: parseInstant(body.effective),
    currency: body.currency,
    stations: body.stations.map(({ id, name, code }) => ({ id, name, code: fromHex(code) })),
    riders: body.riders,
    rules: body.rules,
    ...(body.card ? { card: body.card } : {}),
    ...(body.products ? { products: body.products } : {}),
    matrix: int32sOf(bytes),
  };
}

function bodyOf(set: FareSet): FareBody {
  return {
    version: set.version,
    effective: formatInstant(set.effectiveMs),
    currency: set.currency,
    riders: set.riders,
    rules: set.rules,
    ...(set.card ? { card: set.card } : {}),
    ...(set.products ? { products: set.products } : {}),
    stations: set.stations.map(({ id, name, code }) => ({ id, name, code: toHex(code) })),
  };
}

/** SHA-256 of the document without its hash, as JSON without spaces, and of the matrix file. */
function hashOf(body: FareBody, matrix: Uint8Array): string {
  return createHash('sha256').update(JSON.stringify(body)).update(matrix).digest('hex');
}
