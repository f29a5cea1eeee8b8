/** Prints what the check of a feed, or of tables of terms and tariffs, found. */
import type { ErrorCode, FaregateError } from '../errors.ts';
import type { Finding, Findings, Severity } from '../fare/gtfs/findings.ts';
import { findingText, refusal } from '../operator/gtfs-fare-files.ts';
import type { Args, Io } from './command.ts';

/** Errors that an import prints before it ends; `fares check` prints all there are. */
const ERRORS_SHOWN = 20;

/** Prints the first errors, and answers the error that an import then ends with. */
export function refused(
  args: Args,
  io: Io,
  source: string,
  findings: Findings,
  code: ErrorCode,
): FaregateError {
  const errors = findings.list.filter(({ severity }) => severity === 'error');
  if (args.flag('json')) io.out(JSON.stringify({ dir: args.text('out'), ...reportOf(findings) }));
  else for (const error of errors.slice(0, ERRORS_SHOWN)) io.err(findingText(error));
  return refusal(source, findings, code);
}

/** Everything found, errors first. */
export function printFindings(io: Io, findings: Findings): void {
  for (const severity of ['error', 'warning', 'notice'] as const) {
    for (const finding of findings.list) {
      if (finding.severity === severity) io.out(findingText(finding));
    }
  }
  const left = findings.errors + findings.warnings + findings.notices - findings.list.length;
  if (left > 0) io.out(`and ${left} more`);
}

/** As JSON. */
export function reportOf({ errors, warnings, notices, list }: Findings) {
  return { errors, warnings, notices, findings: list };
}

export function counts({ errors, warnings, notices }: Findings): string {
  return `${errors} errors, ${warnings} warnings, ${notices} notices`;
}

/** Warnings and notices, those of one code and field in one line with the first of them. */
export function grouped(findings: Findings): string[] {
  const groups = new Map<string, { first: Finding; count: number }>();
  for (const finding of findings.list) {
    const key = [finding.severity, finding.code, finding.file, finding.field].join('\u0000');
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { first: finding, count: 1 });
  }
  const order: readonly Severity[] = ['warning', 'notice'];
  return order.flatMap((severity) =>
    [...groups.values()]
      .filter(({ first }) => first.severity === severity)
      .map(({ first, count }) => `${findingText(first)}${count > 1 ? `, ${count} such` : ''}`),
  );
}
