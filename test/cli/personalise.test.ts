/** `faregate-gate personalise` on a reader link, and the account that it opens. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { cardCommands } from '../../engine/cli/cards.ts';
import { type Command, runProgram } from '../../engine/cli/command.ts';
import { denylistCommands } from '../../engine/cli/denylist.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { personaliseCommand } from '../../gate/cli/personalise.ts';
import { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import { blankDesfire } from '../../gate/reader/virtual/desfire/state.ts';
import { type ServedCard, serveVirtualCard } from '../../gate/reader/virtual/program.ts';
import { countingBytes, DesfireKit, UID } from '../kit/desfire-kit.ts';
import { IssuingKit, issuerMasters } from '../kit/issuing-kit.ts';
import { freePorts } from '../kit/programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-personalise-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const data = join(dir, 'engine');
const keys = join(dir, 'keys.sealed');
const number = `000000${toHex(UID)}`;
const USES = ['card', 'application', 'debit', 'load', 'transactionMac'];
/** What a card throws that leaves. */
const LEFT = 'left';
let port = 0;

async function runHere(
  commands: readonly Command[],
  args: readonly string[],
  heard: (line: string) => void = () => {},
) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram('faregate', '', commands, args, {
    out: (line) => void out.push(line),
    err: (line) => {
      err.push(line);
      heard(line);
    },
    drained: async () => {},
    input: Readable.from([]),
    env: {},
    terminal: false,
  });
  const said = { code, out: out.join('\n'), err: err.join('\n') };
  for (const { master } of issuerMasters) {
    assert(!`${said.out}${said.err}`.includes(toHex(master)), 'a key was printed');
  }
  return said;
}

const engine = (...args: readonly string[]) =>
  runHere([...cardCommands, ...denylistCommands, ...keyCommands], args);

/** The desk, and the card that is put on it once it waits. */
async function desk(card: ServedCard | null, ...args: readonly string[]) {
  let isReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const held = args.includes('--keys') ? [] : ['--keys', keys];
  const link = ['--reader', `tcp-listen:${port}`, ...held];
  const at = args.includes('--profile') ? [] : ['--profile', 'desfire-ev2'];
  const done = runHere([personaliseCommand], ['personalise', ...link, ...at, ...args], (line) => {
    if (line.endsWith('waiting for a card')) isReady();
  });
  await Promise.race([ready, done]);
  const served = card && serveVirtualCard({ host: '127.0.0.1', port, card, once: true });
  await served?.catch((error: Error) => assert.equal(error.message, LEFT));
  return done;
}

async function importKeys(uses: readonly string[], out: string): Promise<void> {
  const clear = join(dir, 'clear.json');
  const desfire = Object.fromEntries(
    issuerMasters
      .filter(({ use }) => uses.includes(use))
      .map(({ use, version, master }) => [use, { version, master: toHex(master) }]),
  );
  writeFileSync(clear, JSON.stringify({ desfire }));
  const said = await engine('keys', 'import', clear, '--out', out);
  assert.equal(said.code, 0, said.err);
}

before(async () => {
  port = (await freePorts(1))[0]!;
  await importKeys(USES, keys);
});

const blank = (generation: 'ev1' | 'ev2' | 'light' = 'ev2') =>
  new VirtualDesfireCard({
    state: blankDesfire(generation, UID),
    randomBytes: countingBytes(3),
  });

test('looked at, issued, registered; told again nothing changes', async () => {
  const card = blank();
  const looked = await desk(card, '--look');
  assert.equal(looked.code, 0, looked.err);
  assert.deepEqual(looked.out.split('\n'), [
    'card 04782E21801D80 as desfire-ev2: nothing was changed; it lacks the card key',
    '  to do: card key, application, key 0, key 1, key 2, key 3, file 4, file 15, file 3, ' +
      'first record',
  ]);
  assert.deepEqual(card.state, blankDesfire('ev2', UID));
  const account = ['--data', data, '--holder', 'C-17'];
  const early = await desk(null, ...account);
  assert.match(early.err, /^CARDS_MISSING: .*cards: there are no card accounts/m);
  assert(!existsSync(data));
  mkdirSync(data);
  const made = await engine('cards', 'reconcile', '--data', data, '--keys', keys);
  assert.equal(made.code, 0, made.err);
  const issued = await desk(card, ...account);
  assert.equal(issued.code, 0, issued.err);
  assert.deepEqual(issued.out.split('\n'), [
    'card 04782E21801D80 as desfire-ev2: issued, and its keys are proved; value 0',
    '  changed now: card key, application, key 0, key 1, key 2, key 3, file 4, file 15, file 3, ' +
      'first record',
    '  account ..1D80: issued, named',
  ]);
  const again = await desk(card, ...account, '--json');
  const told = JSON.parse(again.out) as Record<string, unknown>;
  assert.deepEqual([told.outcome, told.done, told.uid], ['issued', [], toHex(UID)]);
  assert.equal((told.account as { issuer: string }).issuer, '3042F50000000000');
  const gate = new DesfireKit('desfire-ev2');
  assert.equal(gate.open(card).valueMinor, 0);
  // The office knows it by the number that gates and lists have.
  const office = ['--data', data, '--keys', keys, '--number', number, '--json'];
  const shown = await engine('cards', 'show', ...office);
  assert.equal((JSON.parse(shown.out) as { profile: string }).profile, 'desfire-ev2');
  assert.equal((await engine('cards', 'lost', ...office)).code, 0);
  // Another key file of the same masters, whose cardHash was drawn anew.
  const another = join(dir, 'another.sealed');
  await importKeys(USES, another);
  const foreign = await desk(null, '--data', data, '--keys', another);
  assert.match(foreign.err, /^KEYS_REFUSED: .*named under another cardHash key/m);
  const other = await desk(card, '--data', data, '--holder', 'C-18');
  assert.equal(other.code, 1);
  assert.match(other.err, /^CARD_REFUSED: card 04782E21801D80 is issued, its account is not/m);
});

test('a card that left is put on again', async () => {
  const kit = new IssuingKit('desfire-ev2');
  const torn = kit.blank();
  kit.run(torn, { tear: { command: 20, when: 'after' } });
  const rest = await desk(torn, '--json');
  const end = JSON.parse(rest.out) as { outcome: string; done: string[] };
  assert.equal(end.outcome, 'issued');
  assert(end.done.length > 0 && !end.done.includes('card key'));
  const card = blank();
  const leaving: ServedCard = {
    power: () => card.power(),
    transmit: (apdu) => {
      if (apdu[1] === 0xca) throw new Error(LEFT);
      return card.transmit(apdu);
    },
  };
  const cut = await desk(leaving);
  assert.equal(cut.code, 1);
  assert.match(cut.out, /the card left while the application was changed: put it on again/);
  assert.match(cut.out, /\n {2}changed now: card key$/);
  assert.match((await desk(card)).out, /issued.*\n {2}changed now: application, key 0, /);
});

test('what is refused, before a card and at one', async () => {
  const light = await desk(null, '--profile', 'desfire-light');
  assert.match(light.err, /^PROFILE_INVALID: desfire-light: not for issuing: .*DESFire Light/);
  const usage = await desk(null, '--holder', 'C-1');
  assert.match(usage.err, /^USAGE: --holder needs --data/);
  const few = join(dir, 'few.sealed');
  await importKeys(['debit', 'load', 'transactionMac', 'application'], few);
  const missing = await runHere(
    [personaliseCommand],
    ['personalise', '--reader', 'tcp-listen:0', '--keys', few, '--profile', 'desfire-ev2'],
  );
  assert.match(missing.err, /^KEYS_MISSING: no desfire card key of version 1/);
  const wrong = await desk(blank('light'), '--data', data);
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /refused: a DESFire Light: .* \(type 08, version 30\)$/);
  const old = await desk(blank('ev1'), '--json');
  assert.equal((JSON.parse(old.out) as { why: string }).why, 'generation');
  const full = blank();
  full.failNext(0xca, 0x0e);
  const end = await desk(full);
  assert.equal(end.code, 1);
  assert.match(
    end.out,
    /refused: no space left on the card \(application\)\n {2}changed now: card/,
  );
});
