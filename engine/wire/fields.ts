/** Reads the fields of a decoded message, believing nothing: every getter checks type and range. */
import { FaregateError } from '../errors.ts';

export function malformed(what: string): FaregateError {
  return new FaregateError('UPLOAD_MALFORMED', `message: ${what}`);
}

/** A map of a message. Every method throws UPLOAD_MALFORMED naming the field that does not fit. */
export class Fields {
  readonly #path: string;
  readonly #map: Readonly<Record<string, unknown>>;

  /** `path` is empty or ends in a dot: `status.`. */
  constructor(path: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || isBytes(value)) {
      throw malformed(path === '' ? 'not a map' : `field ${path.slice(0, -1)} is not a map`);
    }
    this.#path = path;
    this.#map = value as Readonly<Record<string, unknown>>;
  }

  /** Whether the field is missing or null. */
  absent(name: string): boolean {
    return (this.#get(name) ?? null) === null;
  }

  nested(name: string): Fields {
    return new Fields(`${this.#path}${name}.`, this.#get(name));
  }

  whole(name: string, low: number, high: number): number {
    const value = this.#get(name);
    if (!isWhole(value, low, high)) {
      throw this.#wrong(name, `is not a whole number from ${low} to ${high}`);
    }
    return value;
  }

  text(name: string, lengthMax: number): string {
    const value = this.#get(name);
    if (typeof value !== 'string' || value.length > lengthMax) {
      throw this.#wrong(name, `is not a text of at most ${lengthMax} characters`);
    }
    return value;
  }

  matching(name: string, pattern: RegExp): string {
    const value = this.#get(name);
    if (typeof value !== 'string' || !pattern.test(value)) {
      throw this.#wrong(name, `does not match ${pattern.source}`);
    }
    return value;
  }

  bytes(name: string): Uint8Array {
    const value = this.#get(name);
    if (!isBytes(value)) throw this.#wrong(name, 'is not a byte string');
    return value;
  }

  /** A map of names (at most 64 characters each) to whole numbers. */
  counts(name: string, namesMax: number, high: number): Record<string, number> {
    const map = this.nested(name).#map;
    const entries = Object.entries(map);
    if (entries.length > namesMax) throw this.#wrong(name, `has more than ${namesMax} names`);
    for (const [key, count] of entries) {
      if (key.length > 64 || !isWhole(count, 0, high)) {
        throw this.#wrong(`${name}.${key.slice(0, 64)}`, `is not a whole number from 0 to ${high}`);
      }
    }
    return map as Record<string, number>;
  }

  /** A list of whole numbers. */
  wholes(name: string, lengthMax: number, high: number): number[] {
    const value = this.#get(name);
    if (!Array.isArray(value) || value.length > lengthMax) {
      throw this.#wrong(name, `is not a list of at most ${lengthMax}`);
    }
    if (!value.every((item) => isWhole(item, 0, high))) {
      throw this.#wrong(name, `has an item that is not a whole number from 0 to ${high}`);
    }
    return value as number[];
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#map, name) ? this.#map[name] : undefined;
  }

  #wrong(name: string, what: string): FaregateError {
    return malformed(`field ${this.#path}${name} ${what}`);
  }
}

function isWhole(value: unknown, low: number, high: number): value is number {
  return Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
