/**
 * One fare version as an item of a parameter set: bytes of the document (4, big-endian), the
 * document as JSON, the matrix (`engine/fare/document.ts`).
 */
import { readU32, writeU32 } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { matrixBytes, parseFareDocument, printFareSet, readFareSet } from '../fare/document.ts';
import type { FareSet } from '../fare/fares.ts';
import { FARE_DOCUMENT_BYTES_MAX } from '../limits.ts';

const LENGTH_BYTES = 4;

export function packFares(set: FareSet): Uint8Array {
  const { document, matrix } = printFareSet(set);
  const json = Buffer.from(JSON.stringify(document));
  const bytes = new Uint8Array(LENGTH_BYTES + json.length + matrix.length);
  writeU32(bytes, 0, json.length);
  bytes.set(json, LENGTH_BYTES);
  bytes.set(matrix, LENGTH_BYTES + json.length);
  return bytes;
}

/** @param source names the item in errors. @throws FaregateError FARES_INVALID. */
export function unpackFares(bytes: Uint8Array, source: string): FareSet {
  const length = bytes.length < LENGTH_BYTES ? 0 : readU32(bytes, 0);
  const end = LENGTH_BYTES + length;
  if (length === 0 || length > FARE_DOCUMENT_BYTES_MAX || end > bytes.length) {
    throw new FaregateError('FARES_INVALID', `${source}: no fare version`);
  }
  const json = Buffer.from(bytes.subarray(LENGTH_BYTES, end)).toString('utf8');
  const document = parseFareDocument(json, source);
  if (bytes.length - end !== matrixBytes(document)) {
    const there = `${bytes.length - end} bytes where it asks for ${matrixBytes(document)}`;
    throw new FaregateError('FARES_INVALID', `${source}: a matrix of ${there}`);
  }
  return readFareSet(document, bytes.subarray(end), { document: source, matrix: source });
}
