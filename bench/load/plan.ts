/** What the processes of an ingest benchmark agree on; passed to them as JSON. */
import { join } from 'node:path';
import { BenchChild } from '../child.ts';

export interface LoadPlan {
  /** The run's folder, on the disk in question. */
  readonly dir: string;
  readonly gates: number;
  readonly cards: number;
  readonly batchRecords: number;
}

export function gateIdOf(index: number): string {
  return `load-${index + 1}`;
}

export function bundleDirOf(plan: LoadPlan, index: number): string {
  return join(plan.dir, 'gates', gateIdOf(index));
}

export function engineDirOf(plan: LoadPlan): string {
  return join(plan.dir, 'engine');
}

/** The processes of a load: `program.ts`. @param execArgv for profiles: `--cpu-prof`. */
export function startLoad(
  role: 'engine' | 'gates',
  plan: LoadPlan,
  port = 0,
  execArgv: readonly string[] = [],
): Promise<BenchChild> {
  const program = new URL('./program.js', import.meta.url);
  return BenchChild.start(program, [role, JSON.stringify(plan), String(port)], execArgv);
}
