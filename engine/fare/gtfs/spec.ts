/**
 * How the files of a feed are described: GTFS Schedule reference, "Field Types" and "Field
 * Definitions".
 */

export type FieldType =
  | 'text'
  | 'enum'
  | 'whole'
  | 'date'
  | 'time'
  | 'timezone'
  | 'currency'
  /** Not negative; the decimals are judged with the currency at hand. */
  | 'amount'
  | 'latitude'
  | 'longitude';

export interface FieldSpec {
  readonly type: FieldType;
  readonly isRequired: boolean;
  /** Of an enum; an empty value is judged by `isRequired` alone. */
  readonly values?: readonly string[];
  /** Of a whole number. */
  readonly least?: number;
  readonly most?: number;
  /** `file:field` of the ids it may name, any of them. */
  readonly refersTo?: readonly string[];
  /** A dangling reference makes its row match nothing, which is unusual and no harm. */
  readonly isDanglingHarmless?: boolean;
}

export interface FileSpec {
  /** Fields that together name a row; empty: all fields do. */
  readonly key: readonly string[];
  readonly fields: Readonly<Record<string, FieldSpec>>;
}

export const text: FieldSpec = { type: 'text', isRequired: false };
export const required: FieldSpec = { type: 'text', isRequired: true };

/** A field with one of some values. */
export function oneOf(isRequired: boolean, ...values: string[]): FieldSpec {
  return { type: 'enum', isRequired, values };
}

/** A field that names something: `file:field` of what. */
export function refers(isRequired: boolean, ...refersTo: string[]): FieldSpec {
  return { type: 'text', isRequired, refersTo };
}
