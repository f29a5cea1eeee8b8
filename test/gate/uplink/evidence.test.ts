/** No batch ends between a debit of an AES card and the evidence behind it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../../engine/debit/codec.ts';
import {
  EVIDENCE_BYTES,
  EvidenceFamily,
  encodeEvent,
  wantsEvidence,
} from '../../../engine/debit/event.ts';
import {
  DEBIT_BYTES,
  DESFIRE_TRANSACTION,
  DebitState,
  ECASH_TRANSACTION,
} from '../../../engine/debit/record.ts';
import { silentLog } from '../../../engine/log/log.ts';
import { decodeGateMessage, encodeMessage } from '../../../engine/wire/envelope.ts';
import { MemoryJournal } from '../../../gate/journal/memory.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import type { Transport } from '../../../gate/uplink/transport.ts';
import { Uplink } from '../../../gate/uplink/uplink.ts';
import { debitOf, recordsOf, statusOf } from './fakes.ts';

const NOTHING = { mode: 0, denylistVersion: 0, clockQuality: 0, parametersVersion: 0 };

/** Purses' debits, one to three, between pairs of a debit and its evidence. */
async function fill(journal: Journal, pairs: number): Promise<void> {
  const add = async (record: Uint8Array): Promise<void> => {
    await journal.intent(record);
    journal.close(record);
  };
  for (let pair = 0; pair < pairs; pair++) {
    for (let i = 0; i <= pair % 3; i++) await add(recordsOf([debitOf('G1', journal.nextSequence)]));
    const gateSequence = journal.nextSequence;
    await add(recordsOf([debitOf('G1', gateSequence, { transactionType: DESFIRE_TRANSACTION })]));
    const record = new Uint8Array(DEBIT_BYTES);
    const payload = new Uint8Array(EVIDENCE_BYTES);
    const head = { gateId: 'G1', gateSequence: gateSequence + 1, instantMs: 1, ...NOTHING };
    const places = { dateTime: new Uint8Array(7), station: new Uint8Array(4) };
    const { desfire: family } = EvidenceFamily;
    encodeEvent({ ...head, ...places, event: 'evidence', family, payload }, record, 0);
    await add(record);
  }
}

for (const batchRecords of [2, 3, 7, 8]) {
  test(`batches of ${batchRecords} records`, async () => {
    const journal = new MemoryJournal();
    await fill(journal, 20);
    const last = journal.nextSequence - 1;
    const sent: number[] = [];
    let answer: (body: Uint8Array | null) => void = () => {};
    const answers: Uint8Array[] = [];
    const say = (body: Uint8Array): void => {
      answers.push(body);
      answer(null);
    };
    const transport: Transport = {
      name: 'test',
      connect: async () => ({
        async send(body) {
          const message = decodeGateMessage(body);
          if (message.type === 'hello') {
            say(encodeMessage({ type: 'welcome', acknowledgedThrough: 0, nowMs: 1 }));
          }
          if (message.type !== 'batch') return;
          const { first, count, records } = message;
          sent.push(count);
          assert(!wantsEvidence(records, (count - 1) * DEBIT_BYTES), `${first}: ${count} records`);
          const through = first + count - 1;
          say(encodeMessage({ type: 'ack', through, outcomes: { posted: count }, nowMs: 1 }));
        },
        async receive() {
          while (answers.length === 0) {
            await new Promise((resolve) => {
              answer = resolve;
            });
          }
          return answers.shift()!;
        },
        close: () => {},
      }),
    };
    const uplink = new Uplink({
      gateId: 'G1',
      transport,
      journal,
      status: () => statusOf('G1'),
      log: silentLog,
      random: () => 0.5,
      onFailure: (error) => assert.fail(String(error)),
      timing: { batchRecords, pollMs: 1 },
    });
    uplink.start();
    await uplink.drained();
    assert.equal(
      sent.reduce((sum, count) => sum + count, 0),
      last,
    );
    assert(sent.some((count) => count < batchRecords));
    void uplink.stop();
  });
}

test('only a confirmed debit of such a type has evidence behind it, of bank cards a torn one', () => {
  const records = recordsOf([debitOf('G1', 1, { transactionType: DESFIRE_TRANSACTION })]);
  assert(wantsEvidence(records, 0));
  records[at.state] = 3;
  assert(!wantsEvidence(records, 0));
  assert(!wantsEvidence(recordsOf([debitOf('G1', 1)]), 0));
  const bank = recordsOf([debitOf('G1', 1, { transactionType: ECASH_TRANSACTION })]);
  bank[at.state] = DebitState.unconfirmed;
  assert(wantsEvidence(bank, 0));
  bank[at.state] = DebitState.void;
  assert(!wantsEvidence(bank, 0));
});
