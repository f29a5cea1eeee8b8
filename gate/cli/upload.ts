/**
 * `faregate-gate upload`: uploads what a journal holds and ends, without serving a card. For a gate
 * that never comes back online: its journal and bundle folders are carried to any machine that can
 * reach the engine. The records stay sealed on the way; the journal is the gate's own, so that a
 * debit that was uploaded already is not posted again.
 */
import { randomBytes } from 'node:crypto';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { decodeDebit, encodeDebit } from '../../engine/debit/codec.ts';
import { isEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, DebitState } from '../../engine/debit/record.ts';
import { JOURNAL_CLOSE_SYNC_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import { silentLog } from '../../engine/log/log.ts';
import { certificateFacts } from '../../engine/pki/certificates.ts';
import { openJournal } from '../journal/journal.ts';
import type { Journal } from '../journal/port.ts';
import { StationDisks } from '../journal/shared/station-disks.ts';
import { readJournalKey } from '../station.ts';
import { TapCounts } from '../tap-counts.ts';
import { readBundle, TlsTransport } from '../uplink/tls.ts';
import { Uplink } from '../uplink/uplink.ts';

const WAIT_S = 600;
const WAIT_S_MAX = 86_400;
const PORT_MAX = 65_535;
const LOOK_MS = 200;

export const uploadCommand: Command = {
  name: 'upload',
  about: 'Uploads a journal that was carried away from its gate, and ends.',
  options: {
    journal: { type: 'string', value: 'DIR', required: true, about: 'the journal folder' },
    'shared-log': {
      type: 'string',
      value: 'DIR',
      about: 'of its station, where the journal shared one; as far from it as it was',
    },
    bundle: { type: 'string', value: 'DIR', required: true, about: 'what enrolment gave the gate' },
    engine: { type: 'string', value: 'HOST:PORT', required: true, about: 'where to upload' },
    wait: { type: 'string', value: 'S', about: `give up after this long (default ${WAIT_S})` },
    json: { type: 'boolean', about: 'print one JSON object' },
  },
  run: upload,
};

async function upload(args: Args, io: Io): Promise<number> {
  const address = /^(.+):(\d{1,5})$/.exec(args.need('engine'));
  const port = Number(address?.[2]);
  if (!address?.[1] || !(port >= 1 && port <= PORT_MAX)) {
    throw new FaregateError('USAGE', `--engine takes HOST:PORT, not ${args.need('engine')}`);
  }
  const bundleDir = args.need('bundle');
  const bundle = await readBundle(bundleDir);
  const gateId = certificateFacts(bundle.certificate, bundleDir).commonName;
  let failed: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  const journalDir = args.need('journal');
  const sharedLogDir = args.text('shared-log') ?? null;
  const disks = new StationDisks({ sharedLogDir, failed: (error) => failed(error) });
  const journal = await openJournal({
    disk: await disks.open(journalDir),
    gateId,
    key: await readJournalKey(bundleDir),
    random: (length) => new Uint8Array(randomBytes(length)),
    failed,
  });
  try {
    const interrupted = closeOpen(journal);
    await durable(journal);
    const held = journal.backlog;
    const counts = new TapCounts(gateId, '', Date.now());
    const uplink = new Uplink({
      gateId,
      transport: new TlsTransport({ host: address[1], port, bundle }),
      journal,
      status: () => counts.status(journal.backlog, 0),
      log: silentLog,
      random: Math.random,
      onFailure: failed,
    });
    uplink.start();
    try {
      const untilMs = Date.now() + 1000 * args.whole('wait', WAIT_S, 1, WAIT_S_MAX);
      await Promise.race([failure, drained(journal, uplink, untilMs, io)]);
    } finally {
      await uplink.stop();
    }
    tell(args, io, { gateId, uploaded: held - journal.backlog, interrupted });
    return 0;
  } finally {
    await journal.end();
    await disks.end();
  }
}

/** Taps that a crash cut off: nobody will settle them here, so the engine has to. */
function closeOpen(journal: Journal): number {
  const open = journal.open();
  for (const bytes of open) {
    if (isEvent(bytes, 0)) {
      journal.close(bytes);
      continue;
    }
    const debit = decodeDebit(bytes, 0);
    const state = debit.state === DebitState.intended ? DebitState.unconfirmed : debit.state;
    const record = new Uint8Array(DEBIT_BYTES);
    encodeDebit({ ...debit, state }, record, 0);
    journal.close(record);
  }
  return open.length;
}

/**
 * Waits until what was closed here is on disk. The engine may hold these records already, from a
 * copy of this journal, and a journal lets go only of what it has for certain.
 */
async function durable(journal: Journal): Promise<void> {
  const last = journal.nextSequence - 1;
  while (last > journal.acknowledged) {
    if ((await journal.read(last, 1)).count === 1) return;
    await new Promise((resolve) => setTimeout(resolve, JOURNAL_CLOSE_SYNC_MS));
  }
}

/** @throws FaregateError why the engine did not take it all. */
async function drained(journal: Journal, uplink: Uplink, untilMs: number, io: Io): Promise<void> {
  let shown = -1;
  while (journal.backlog > 0) {
    if (io.terminal && journal.backlog !== shown) {
      shown = journal.backlog;
      io.err(`${shown} records to upload`);
    }
    const refused = uplink.lastError?.code === 'GATE_REFUSED' ? uplink.lastError : null;
    if (refused) throw refused;
    if (Date.now() >= untilMs) {
      throw (
        uplink.lastError ??
        new FaregateError('UPLINK_FAILED', `${journal.backlog} records were not acknowledged`)
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function tell(
  args: Args,
  io: Io,
  done: { gateId: string; uploaded: number; interrupted: number },
): void {
  if (args.flag('json')) io.out(JSON.stringify(done));
  else {
    const cut = done.interrupted > 0 ? `, ${done.interrupted} of them cut off in their taps` : '';
    io.out(`gate ${done.gateId}: ${done.uploaded} records uploaded${cut}`);
  }
}
