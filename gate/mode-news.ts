/** What a change of modes means at the gates: who stands open, and what each journal is told. */
import { Mode } from '../engine/tap/modes.ts';
import type { Barrier } from './barrier/barrier.ts';
import type { Gate } from './controller.ts';
import type { ModeChange } from './modes.ts';

/** A gate as a change of modes sees it. */
export interface ToldGate {
  readonly gate: Pick<Gate, 'note'>;
  readonly barrier: Pick<Barrier, 'stand'>;
}

/** Whether gates stand open under these modes. */
export function standsOpen(mode: number): boolean {
  return (mode & Mode.emergency) !== 0;
}

/**
 * Tells every gate: first all barriers, for people must get out, then all journals, whatever one of
 * them says to it.
 * @param failed told what a journal failed with.
 */
export function tellGates(
  gates: Iterable<ToldGate>,
  { before, after, instantMs }: ModeChange,
  failed: (error: unknown) => void,
): void {
  if (standsOpen(before) !== standsOpen(after)) {
    for (const { barrier } of gates) barrier.stand?.(standsOpen(after));
  }
  const body = () => ({ event: 'modeChange', modeBefore: before, modeAfter: after }) as const;
  for (const { gate } of gates) {
    try {
      gate.note({ instantMs, body });
    } catch (error) {
      failed(error);
    }
  }
}
