/** A certified kernel at a gate: what it is told, what it says, and what of it is taken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { readBankPayload } from '../../../engine/card/qpboc/evidence-payload.ts';
import {
  DebitState,
  ECASH_TRANSACTION,
  OPEN_LOOP_TRANSACTION,
} from '../../../engine/debit/record.ts';
import { ModeHistory } from '../../../engine/tap/mode-history.ts';
import { Mode } from '../../../engine/tap/modes.ts';
import { openReader } from '../../../gate/reader/open.ts';
import { noPty, PtyPlug, TcpPlug } from '../../kit/device-hosts.ts';
import { ecashCard } from '../../kit/ecash-cards.ts';
import { asOnline, disguised, withOptions } from '../../kit/ecash-disguise.ts';
import { KernelDevice } from '../../kit/kernel-device.ts';
import { kernelGate } from '../../kit/kernel-gate.ts';

const foreign = '0123456789abcdef-1';

test('approved: the fare is told ahead, the debit recorded, the outcome taken, the lights lit', async () => {
  const at = await kernelGate();
  const { decision, isBank } = await at.tap(ecashCard());
  assert.deepEqual([decision.open, decision.reason], [true, 'open'], decision.detail);
  assert.equal(decision.amountMinor, at.fareMinor);
  assert.equal(decision.balanceMinor, 10_000 - at.fareMinor);
  assert.equal(isBank, true);
  const debit = decision.closed[0]!;
  assert.deepEqual(
    [debit.transactionType, debit.state, debit.offlineCounter, toHex(debit.dateTime)],
    [ECASH_TRANSACTION, DebitState.confirmed, 0x20b, '20260302080000'],
  );
  const { authenticated } = readBankPayload(decision.evidence!.payload, debit)!;
  assert.equal(authenticated.method, 'kernel');
  const [start] = at.device.heardOf('start');
  const { tap, ...told } = start!;
  assert.deepEqual(told, {
    type: 'start',
    dateTime: '20260302080000',
    order: ['kernel', 'apdu'],
    amountMinor: at.fareMinor,
    currency: 156,
    country: 156,
    transactionType: 0,
    qualifiers: '28000080',
    terminalId: toHex(debit.terminalId),
    deadlineMs: 500,
  });
  const [show] = at.device.heardOf('show');
  const lights = { open: true, reason: 'open', light: 'green', sound: 'short' };
  assert.deepEqual(show, { type: 'show', tap, ...lights });
  assert.deepEqual(at.device.heardOf('taken'), [{ type: 'taken', tap }]);
  assert.equal(at.device.owed.size, 0);
  const known = { notice: 'kernel', name: 'SIM', certificate: 'T-1' };
  assert.deepEqual(at.notices, [known]);
  assert.equal(at.gate.barrier.opened, 1);
  await at.end();
});

test('open loop at an entry: an amount of nothing', async () => {
  const at = await kernelGate({ side: 'entry', bank: { ecash: false, openLoop: true } });
  const { decision } = await at.tap(ecashCard());
  assert.equal(decision.reason, 'open', decision.detail);
  assert.deepEqual(
    decision.closed.map(({ transactionType, amountMinor }) => [transactionType, amountMinor]),
    [[OPEN_LOOP_TRANSACTION, 0]],
  );
  await at.end();
});

test('other families: after the kernel, before it, and at a reader without commands', async () => {
  for (const families of [
    ['bank', 'purse', 'desfire'],
    ['purse', 'desfire', 'bank'],
  ] as const) {
    const desfire = families[0] === 'bank' ? ('last' as const) : undefined;
    const all = desfire ? { desfire, families } : { families: ['purse', 'bank'] as const };
    const at = await kernelGate({ side: 'entry', bank: { openLoop: true }, ...all });
    const purse = (await at.tap(at.kit.card())).decision;
    assert.equal(purse.reason, 'open', purse.detail);
    if (desfire) {
      const other = (await at.tap(at.kit.desfireCard())).decision;
      assert.equal(other.reason, 'open', other.detail);
    }
    const bank = (await at.tap(ecashCard())).decision;
    assert.equal(bank.reason, 'open', bank.detail);
    assert.equal(bank.closed[0]?.transactionType, OPEN_LOOP_TRANSACTION);
    await at.end();
  }
  const device = new KernelDevice();
  device.hello = { ...device.hello, apdu: false };
  const at = await kernelGate({ device });
  assert.equal((await at.tap(at.kit.card())).decision.reason, 'cardUnsupported');
  assert.equal((await at.tap(ecashCard())).decision.reason, 'open');
  assert.deepEqual(device.heardOf('apdu'), []);
  await at.end();
});

test('verdicts that take nothing open nothing and leave nothing', async () => {
  const at = await kernelGate();
  const poor = ecashCard({ state: { balanceMinor: 1 } });
  const declined = (await at.tap(poor)).decision;
  assert.deepEqual([declined.open, declined.reason], [false, 'cardDeclined'], declined.detail);
  const online = disguised(ecashCard(), withOptions(asOnline));
  assert.equal((await at.tap(online)).decision.reason, 'onlineRequired');
  const refusing = disguised(ecashCard(), (apdu) => (apdu[1] === 0xa8 ? fromHex('6984') : null));
  assert.equal((await at.tap(refusing)).decision.reason, 'otherInterface');
  const torn = (await at.tap(ecashCard(), 2)).decision;
  assert.deepEqual([torn.reason, torn.detail], ['cardGone', 'kernel']);
  const edit = at.device.edit;
  for (const [verdict, reason] of [
    ['declined', 'cardDeclined'],
    ['ended', 'cardFaulty'],
  ] as const) {
    at.device.edit = (line) =>
      edit(line.type === 'outcome' ? { ...line, verdict, elements: '' } : line);
    assert.equal((await at.tap(ecashCard())).decision.reason, reason);
  }
  assert.deepEqual(
    at.reports.flatMap(({ decision }) => decision.closed),
    [],
  );
  await at.end();
});

test('a card that the kernel did not authenticate has paid, and opens nothing', async () => {
  const at = await kernelGate();
  const { edit } = at.device;
  for (const authentication of ['failed', 'none']) {
    at.device.edit = (line) => edit(line.type === 'outcome' ? { ...line, authentication } : line);
    const { decision } = await at.tap(ecashCard());
    assert.deepEqual([decision.open, decision.reason], [false, 'cardUnsupported']);
    assert.equal(decision.closed.at(-1)?.state, DebitState.unconfirmed);
    at.kit.unconfirmed.settle(decision.closed.at(-1)!);
  }
  await at.end();
});

test('a mode keeps the kernel from taking anything; the next start says so', async () => {
  const modes = { mode: 0, history: new ModeHistory() };
  const at = await kernelGate({ modes });
  await at.until('it is told', () => at.device.heardOf('start').length === 1);
  modes.mode = Mode.closed;
  await at.until('it is told anew', () => at.device.heardOf('start').length === 2);
  const [first, second] = at.device.heardOf('start');
  assert.deepEqual(at.device.heardOf('cancel'), [{ type: 'cancel', tap: first!.tap }]);
  assert.deepEqual([second!.amountMinor, second!.order], [null, ['apdu']]);
  const { decision } = await at.tap(ecashCard());
  assert.deepEqual([decision.open, decision.reason], [false, 'stationClosed']);
  assert.deepEqual(at.device.outcomes, []);
  await at.end();
});

test('what the card was told to pay is the fare, though it has changed since', async () => {
  const at = await kernelGate();
  await at.until('it is told', () => at.device.heardOf('start').length === 1);
  // The reader finds the card before it hears of the new fare.
  const { edit } = at.device;
  at.device.edit = (line) => {
    if (line.type === 'card') at.kit.fares = dearer(at.kit.fares);
    return edit(line);
  };
  const { decision } = await at.tap(ecashCard());
  assert.deepEqual([decision.reason, decision.amountMinor], ['open', at.fareMinor]);
  at.device.edit = edit;
  await at.until(
    'it is told anew',
    () => at.device.heardOf('start').at(-1)!.amountMinor !== at.fareMinor,
  );
  await at.end();
});

function dearer<F extends object>(fares: F): F {
  return new Proxy(fares, {
    get(of, name) {
      const value = Reflect.get(of, name) as unknown;
      if (name !== 'fareMinor' || typeof value !== 'function') {
        return typeof value === 'function' ? value.bind(of) : value;
      }
      return (...args: unknown[]) => (value.apply(of, args) as number) + 100;
    },
  });
}

test('the kernel is out: its cards are refused, others ride; then it is back', async () => {
  const at = await kernelGate({ side: 'entry', bank: { openLoop: true } });
  await at.until('it is told', () => at.device.heardOf('start').length === 1);
  at.device.say({ type: 'health', kernel: false, text: 'tampered' });
  await at.until('it is told anew', () => at.device.heardOf('start').length === 2);
  assert.equal((await at.tap(ecashCard())).decision.reason, 'cardUnsupported');
  assert.equal((await at.tap(at.kit.card())).decision.reason, 'open');
  at.device.say({ type: 'health', kernel: true, text: '' });
  await at.until('it is back', () => at.notices.length === 3);
  assert.equal((await at.tap(ecashCard())).decision.reason, 'open');
  assert.deepEqual(at.notices.slice(1), [
    { notice: 'kernelOut', why: 'tampered' },
    { notice: 'kernelBack' },
  ]);
  await at.end();
});

test('who it is: no answer, another version, another certificate', async () => {
  const device = new KernelDevice();
  const plug = await TcpPlug.of(device);
  const link = `kernel-tcp:${plug.address}`;
  const refused = (message: RegExp, options = {}, code = 'READER_FAILED') =>
    assert.rejects(openReader(link, { takesKernel: true, ...options }), { code, message });
  // Short only where no answer is waited for.
  const silent = { answerMs: 50 };
  await refused(/for gates in service alone/, { takesKernel: false }, 'USAGE');
  await refused(/certificate T-1, not T-2/, { kernelCertificate: 'T-2' });
  device.hello = { ...device.hello, protocol: 2 };
  await refused(/no kernel answers/, silent);
  device.isDeaf = true;
  await refused(/no kernel answers/, silent);
  await plug.end();
  await refused(/ECONNREFUSED/);
});

test('lines that are none, too long or of another tap: nothing opens, and it is looked for anew', async () => {
  const at = await kernelGate();
  const says = async (line: string, why: RegExp) => {
    await at.until('it is told', () => at.device.heardOf('start').length > 0);
    at.notices.length = 0;
    at.device.heard.length = 0;
    at.device.sayRaw(line);
    await at.until('it is back', () => at.notices.some(({ notice }) => notice === 'back'));
    const [away] = at.notices;
    assert(away?.notice === 'away');
    assert.match(away.why, why);
  };
  await says('{', /a line that is not JSON/);
  await says('{"type":"outcome","tap":"7"}', /member tap of outcome/);
  await says('x'.repeat(8193), /a line longer than 8192 bytes/);
  await says('x'.repeat(1_000_000), /a line longer than 8192 bytes/);
  await says(JSON.stringify({ type: 'error', code: 'device', text: 'hot' }), /the reader: hot/);
  await at.until('it is told', () => at.device.heardOf('start').length > 0);
  for (const line of [
    { type: 'card', tap: foreign, uid: '' },
    { type: 'apdu', tap: foreign, number: 1, data: '9000' },
    { type: 'removed', tap: foreign },
    { type: 'cancelled', tap: foreign },
    { type: 'of a later version' },
  ]) {
    at.device.say(line);
  }
  at.device.sayRaw(' \r');
  assert.equal(at.reports.length, 0);
  assert.equal((await at.tap(ecashCard())).decision.reason, 'open');
  await at.end();
});

test('a kernel that does not let go of a card is away', async () => {
  const modes = { mode: 0, history: new ModeHistory() };
  const at = await kernelGate({ modes });
  await at.until('it is told', () => at.device.heardOf('start').length === 1);
  const { edit } = at.device;
  at.device.edit = (line) => (line.type === 'cancelled' ? null : edit(line));
  modes.mode = Mode.closed;
  await at.until('it is away', () => at.notices.some(({ notice }) => notice === 'away'));
  assert(at.notices[1]?.notice === 'away');
  assert.match(at.notices[1].why, /no answer to cancel/);
  at.device.edit = edit;
  await at.until('it is back', () => at.notices.some(({ notice }) => notice === 'back'));
  await at.end();
});

test('a kernel that is silent is away', async () => {
  const at = await kernelGate({ readerOptions: { kernelPingMs: 300 } });
  await at.until('it is told', () => at.device.heardOf('start').length === 1);
  const { length } = at.notices;
  at.device.isDeaf = true;
  await at.until('it is away', () => at.notices.length > length);
  const away = at.notices[length];
  assert(away?.notice === 'away');
  assert.match(away.why, /no sign of life/);
  at.device.isDeaf = false;
  await at.until('it is back', () => at.notices.some(({ notice }) => notice === 'back'));
  await at.end();
});

test('the same on a serial device', { skip: noPty }, async () => {
  const device = new KernelDevice();
  const at = await kernelGate({ device, plug: await PtyPlug.of(device), kind: 'kernel-serial' });
  assert.equal((await at.tap(ecashCard())).decision.reason, 'open');
  await at.end();
});
