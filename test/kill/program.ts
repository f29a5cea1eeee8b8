/**
 * The process that is killed: a production station (controller, journals on the real disk, uplinks
 * over TLS) behind readers that wait for cards over TCP. What its barriers show is written to
 * standard output in the same instant, where the parent finds it whatever becomes of the process.
 * Messages: `plan` comes, then the readers' ports go; `finish` comes, then it drains and ends.
 */
import { silentLog } from '../../engine/log/log.ts';
import { type Decision, debitIn } from '../../engine/tap/decision.ts';
import { TcpListenReader } from '../../gate/reader/tcp.ts';
import { Station } from '../../gate/station.ts';
import { say } from '../kit/say.ts';
import { plant } from './canary.ts';
import type { Shown } from './life.ts';
import {
  bundleDir,
  gates,
  journalDir,
  journalsDir,
  type KillPlan,
  killCity,
  sharedLogDir,
} from './plan.ts';

/** Small segments: they turn over while the process is being killed. */
const SEGMENT_BYTES = 32 * 1024;

function showing(gateId: string) {
  return (decision: Decision): void => {
    const { open, reason, settled } = decision;
    // Who comes back after a torn debit goes through on that one.
    const debit = reason === 'recovered' ? settled : debitIn(decision);
    const shown: Shown = {
      gateId,
      open,
      reason,
      debit: debit
        ? {
            gateId: debit.gateId,
            gateSequence: debit.gateSequence,
            offlineCounter: debit.offlineCounter,
            amountMinor: debit.amountMinor,
          }
        : null,
    };
    say(JSON.stringify(shown));
  };
}

async function openStation(plan: KillPlan): Promise<{ station: Station; ports: number[] }> {
  const city = killCity(plan.seed);
  const journals = journalsDir(plan.dir);
  const logDir = sharedLogDir(journals, plan.shared);
  const station = new Station({
    engine: { host: '127.0.0.1', port: plan.uplinkPort },
    keyring: city.keyring,
    log: silentLog,
    journalSegmentBytes: SEGMENT_BYTES,
    ...(logDir === null ? {} : { sharedLogDir: logDir }),
  });
  const ports: number[] = [];
  for (const { gateId, number, station: index, side } of gates) {
    const reader = await TcpListenReader.listen({ port: 0 });
    ports.push(reader.port);
    await station.add({
      gateId,
      station: city.stationNames[index]!,
      reader,
      bundleDir: bundleDir(plan.dir, gateId),
      journalDir: journalDir(journals, gateId),
      setting: { ...city.setting(gateId, number, index, side), denylist: city.denylist },
      barrier: { show: showing(gateId) },
    });
  }
  return { station, ports };
}

// Without its parent it is of no use.
process.on('disconnect', () => process.exit());
process.once('message', async (plan: KillPlan) => {
  plant(plan.canary);
  const { station, ports } = await openStation(plan);
  station.start();
  const serving = station.serve();
  process.once('message', async () => {
    await station.drained();
    await station.stop();
    await serving;
    process.disconnect();
  });
  process.send!(ports);
  await serving;
});
process.send!('loaded');
