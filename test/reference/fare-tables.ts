/** Tables of fare terms and distance tariffs for tests, as texts, and as folders. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CsvFile } from '../../engine/fare/gtfs/table.ts';
import { parseGtfsFile } from '../../engine/operator/gtfs-csv.ts';

/** Tables by name, without `faregate_` and `.txt`. */
export type TableTexts = Readonly<Record<string, string>>;

/** The Beijing metro's tariff over four stations; two are 6,099 m apart and two 6,100 m. */
export const beijingTables: TableTexts = {
  tariff_steps: `tariff_id,upto_metres,every_metres,amount
metro,6000,,3
metro,12000,,4
metro,22000,,5
metro,32000,,6
metro,,20000,1
`,
  tariffs: 'tariff_id,grace_metres,maximum\nmetro,100,10\n',
  tariff_riders:
    'rider_category_id,tariff_id,percent,round_to\nadult,metro,,\nstudent,metro,50,0.10\n',
  stations: 'stop_id,stop_name\nA,Alder\nB,Birch\nC,Cedar\nD,\n',
  links: 'from_stop_id,to_stop_id,metres,direction\nA,B,6099,\nA,C,6100,1\nC,D,100000,1\n',
};

/** Rules that stand beside it. */
export const someTerms: TableTexts = {
  settings: 'timezone,minimum_balance\nAsia/Shanghai,2.50\n',
  caps: 'cap_id,span,days,amount,rides\nmonthly,month,,150,\nweekly,rolling,7,,12\n',
};

export function fileName(table: string): string {
  return `faregate_${table}.txt`;
}

/** As a reader finds them. */
export function csvFiles(tables: TableTexts): CsvFile[] {
  return Object.entries(tables).map(([name, text]) =>
    parseGtfsFile(fileName(name), new TextEncoder().encode(text)),
  );
}

/** Writes them into a new folder. */
export function writeTables(dir: string, tables: TableTexts): string {
  mkdirSync(dir);
  for (const [name, text] of Object.entries(tables)) writeFileSync(join(dir, fileName(name)), text);
  return dir;
}

/** Tables without some of them. */
export function without(tables: TableTexts, ...names: readonly string[]): TableTexts {
  return Object.fromEntries(Object.entries(tables).filter(([name]) => !names.includes(name)));
}
