/**
 * What the check of a GTFS feed found: each finding names file, line and field. Errors keep a feed
 * from being used, warnings and notices do not. Codes are those of the canonical GTFS validator
 * where it has one for the case.
 */
import { GTFS_FINDINGS_MAX } from '../../limits.ts';

export type Severity = 'error' | 'warning' | 'notice';

export interface Finding {
  readonly severity: Severity;
  readonly code: string;
  readonly file: string;
  /** 0: the file as a whole. */
  readonly line: number;
  /** '': the line as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Where something stands in a feed. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly field?: string;
}

/** Collects findings up to the bound; beyond it they only count. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #counts: Record<Severity, number> = { error: 0, warning: 0, notice: 0 };

  get errors(): number {
    return this.#counts.error;
  }

  get warnings(): number {
    return this.#counts.warning;
  }

  get notices(): number {
    return this.#counts.notice;
  }

  error(code: string, place: Place, message: string): void {
    this.add('error', code, place, message);
  }

  warning(code: string, place: Place, message: string): void {
    this.add('warning', code, place, message);
  }

  notice(code: string, place: Place, message: string): void {
    this.add('notice', code, place, message);
  }

  add(severity: Severity, code: string, place: Place, message: string): void {
    this.#counts[severity]++;
    if (this.list.length >= GTFS_FINDINGS_MAX) return;
    const { file, line = 0, field = '' } = place;
    this.list.push({ severity, code, file, line, field, message });
  }
}

/** `stop_areas.txt, line 3, field area_id`. */
export function placeText({ file, line = 0, field = '' }: Place): string {
  return `${file}${line > 0 ? `, line ${line}` : ''}${field === '' ? '' : `, field ${field}`}`;
}
