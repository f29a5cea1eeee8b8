/** `faregate-engine fares check` of tables of terms or of a distance tariff, before an import. */
import type { Findings } from '../fare/gtfs/findings.ts';
import {
  checkTariffSource,
  checkTermsSource,
  fareTables,
  readTables,
  type TableSource,
} from '../operator/fare-tables.ts';
import type { Args, Io } from './command.ts';
import { currencyOption } from './fares-options.ts';
import { openVersion } from './fares-version.ts';
import { counts, printFindings, reportOf } from './findings.ts';

/** Terms beside the matrix of a version. */
export async function checkTermsTables(args: Args, io: Io, dir: string): Promise<number> {
  const set = await openVersion(args.need('matrix-of'));
  const source = await readTables(dir, 'terms');
  const { terms, findings } = checkTermsSource(source, set);
  return report(args, io, dir, source, findings, terms !== null);
}

/** A tariff, and terms beside it. */
export async function checkTariffTables(args: Args, io: Io, dir: string): Promise<number> {
  const { decimals } = currencyOption(args);
  const source = await readTables(dir, 'tariff');
  const { tariff, findings } = checkTariffSource(source, decimals);
  return report(args, io, dir, source, findings, tariff !== null);
}

/** Everything found, and 1 where there are errors. */
function report(
  args: Args,
  io: Io,
  dir: string,
  source: TableSource,
  findings: Findings,
  isSound: boolean,
): number {
  const tables = fareTables(source);
  if (args.flag('json')) {
    io.out(JSON.stringify({ tables: dir, ...reportOf(findings), rows: tables }));
    return isSound ? 0 : 1;
  }
  printFindings(io, findings);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const what = `${tables.length} tables, ${rows} rows`;
  io.out(`${isSound ? 'ok' : 'refused'}: ${counts(findings)}; ${what}`);
  return isSound ? 0 : 1;
}
