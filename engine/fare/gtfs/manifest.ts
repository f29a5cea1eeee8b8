/**
 * One version of GTFS fares as `fares.json`: which files of the feed it was made of, each with its
 * hash. The files stand beside it as the operator published them, so that a reason names the line
 * the operator knows.
 */
import { createHash } from 'node:crypto';
import { FaregateError } from '../../errors.ts';
import { parseChecked } from '../../schema/check.ts';
import { formatInstant, parseInstant } from '../instant.ts';
import { fareFiles } from './schema.ts';

export interface GtfsManifest {
  readonly kind: 'gtfs';
  readonly version: number;
  readonly effective: string;
  /** Names of all files of the feed, those that are not kept among them. */
  readonly names: readonly string[];
  /** SHA-256 of each file that is kept, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Of the manifest without this field, as JSON without spaces. */
  readonly sha256: string;
}

const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' };

const manifestSchema = {
  type: 'object',
  properties: {
    kind: { const: 'gtfs' },
    version: { type: 'integer', minimum: 1, maximum: 0xffff_ffff },
    effective: { type: 'string' },
    names: { type: 'array', items: { type: 'string' } },
    files: {
      type: 'object',
      propertyNames: { enum: fareFiles },
      additionalProperties: hash,
    },
    sha256: hash,
  },
  required: ['kind', 'version', 'effective', 'names', 'files', 'sha256'],
  additionalProperties: false,
};

/** The manifest of a feed's files as a version. */
export function makeManifest(
  version: number,
  effectiveMs: number,
  names: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
): GtfsManifest {
  const hashes = Object.fromEntries([...files].map(([name, bytes]) => [name, sha256(bytes)]));
  const effective = formatInstant(effectiveMs);
  const body = { kind: 'gtfs', version, effective, names: [...names], files: hashes } as const;
  return { ...body, sha256: sha256(JSON.stringify(body)) };
}

/** @throws FaregateError FARES_INVALID naming `what`, the document, and the field. */
export function parseManifest(json: string, what: string): GtfsManifest {
  const manifest = parseChecked<GtfsManifest>(manifestSchema, json, 'FARES_INVALID', what);
  const { sha256: given, ...body } = manifest;
  if (sha256(JSON.stringify(body)) !== given) {
    const message = 'field /sha256 does not match; the document was changed';
    throw new FaregateError('FARES_INVALID', `${what}: ${message}`);
  }
  if (Number.isNaN(parseInstant(manifest.effective))) {
    throw new FaregateError('FARES_INVALID', `${what}: field /effective is not an instant`);
  }
  return manifest;
}

/** Whether two manifests are of the same feed with the same effective instant. */
export function isSame(a: GtfsManifest, b: GtfsManifest): boolean {
  const textOf = ({ effective, files }: GtfsManifest) =>
    JSON.stringify([effective, Object.entries(files).sort()]);
  return textOf(a) === textOf(b);
}

/** SHA-256 in hex. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
