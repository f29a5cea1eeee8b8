/**
 * A gate's program for the kill test: opens the journal in the directory given, closes what was
 * left open, then appends taps as fast as it can, printing `i SEQUENCE` for every durable intent
 * and `n SEQUENCE` first, for the sequence it starts at. It runs until it is killed.
 */
import { randomBytes } from 'node:crypto';
import { readU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { openNodeDisk } from '../../gate/journal/node-disk.ts';
import { say } from '../kit/say.ts';
import { finalOf, intentOf } from '../suites/journal.ts';

const journal = await openJournal({
  disk: await openNodeDisk(process.argv[2]!),
  gateId: 'G-01',
  key: new Uint8Array(32).fill(7),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  segmentBytes: 32 * 1024,
});
for (const record of journal.open()) journal.close(finalOf(readU48(record, at.gateSequence)));
say(`n ${journal.nextSequence}`);
for (;;) {
  const sequence = journal.nextSequence;
  await journal.intent(intentOf(sequence));
  say(`i ${sequence}`);
  journal.close(finalOf(sequence));
  if (sequence % 40 === 0) {
    const { count } = await journal.read(journal.acknowledged + 1, 1000);
    if (count > 10) journal.acknowledge(journal.acknowledged + count - 10);
  }
}
