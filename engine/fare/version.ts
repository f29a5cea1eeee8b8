/**
 * A version of a station matrix with all that the operator published with it. Gates take the fare
 * set alone; terms and distances are for accounts (docs/fare-extensions.md).
 */
import type { FareSet } from './fares.ts';
import type { TariffFares } from './tariff.ts';
import type { FareTerms } from './terms/terms.ts';

/** A table that stands beside the matrix, as published. */
export interface FareTable {
  readonly name: string;
  /** Without the header. */
  readonly rows: number;
  /** Of the file, in hex. */
  readonly sha256: string;
}

/** What a fare set was made of, or stands beside it. */
export interface FareOrigin {
  readonly tables: readonly FareTable[];
  /** null where no rules stand beside the matrix. */
  readonly terms: FareTerms | null;
  /** Distances and what they cost; null where the matrix was given. */
  readonly tariff: TariffFares | null;
}

export interface FareVersion extends FareSet, FareOrigin {}

export const NO_ORIGIN: FareOrigin = { tables: [], terms: null, tariff: null };
