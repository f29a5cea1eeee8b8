/**
 * `faregate-gate personalise`: makes a purse of a blank DESFire card on any reader link, and opens
 * its account where the accounts are on this machine (docs/desfire.md, docs/card-life.md). It needs
 * the issuer's masters, so it belongs to a desk and not to a gate.
 */

import { randomBytes } from 'node:crypto';
import { toHex } from '../../engine/bytes.ts';
import type { AesKeyUse, DesfireFault } from '../../engine/card/desfire/asks.ts';
import { makeChannel } from '../../engine/card/desfire/channel.ts';
import { cardNumberOf, UID_BYTES } from '../../engine/card/desfire/commands/identity.ts';
import { cardKeyRef } from '../../engine/card/desfire/compile.ts';
import {
  type IssuingEnd,
  issuingRefusals,
  issuingSteps,
  personalise,
} from '../../engine/card/desfire/issuing/personalise.ts';
import type { IssuingPlan } from '../../engine/card/desfire/issuing/plan.ts';
import { TransactionInput } from '../../engine/card/desfire/transaction-input.ts';
import { type CardAccount, refusals } from '../../engine/cards/model.ts';
import { openCards } from '../../engine/cards/open.ts';
import { CardRegister } from '../../engine/cards/register.ts';
import type { CardStore } from '../../engine/cards/rows.ts';
import { CardNames } from '../../engine/cards/shown-card.ts';
import { referenceFrom } from '../../engine/cli/cards-office.ts';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { keySetFrom } from '../../engine/cli/key-file.ts';
import { IssuingKeys } from '../../engine/crypto/desfire/issuing-keys.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { FaregateError } from '../../engine/errors.ts';
import { openIssuingPlan } from '../../engine/operator/desfire-files.ts';
import { driveIssuing, IssuingKeyringHolder } from '../sam/issuing-holder.ts';
import { openWaiting, readerOption, waitOf, waitOption } from './reader-option.ts';
import { firstCard } from './tap.ts';

export const personaliseCommand: Command = {
  name: 'personalise',
  about: 'Makes a purse of a blank DESFire card, or goes on where it was torn away.',
  options: {
    reader: readerOption,
    profile: {
      type: 'string',
      value: 'NAME_OR_FILE',
      required: true,
      about: 'desfire-ev1, desfire-ev2, or a JSON file with `issuing` (docs/desfire.md)',
    },
    keys: { type: 'string', value: 'FILE', required: true, about: "the issuer's sealed key file" },
    'passphrase-file': { type: 'string', value: 'FILE', about: 'passphrase of the key file' },
    look: { type: 'boolean', about: 'changes nothing: says what is done and what is to do' },
    data: { type: 'string', value: 'DIR', about: "open its account in this engine's data folder" },
    holder: { type: 'string', value: 'REF', about: 'of the account; none: anonymous' },
    wait: waitOption,
    json: { type: 'boolean', about: 'print one JSON object' },
  },
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const plan = await openIssuingPlan(args.need('profile'));
  const keySet = await keySetFrom(args, io);
  const keys = new IssuingKeys(keySet.aes);
  checkKeys(plan, keys);
  const holder = referenceFrom(args, 'holder') ?? null;
  const data = args.text('data');
  if (data === undefined && holder !== null)
    throw new FaregateError('USAGE', '--holder needs --data');
  const cardHash = cmacKey(keySet.cardHash);
  const store = data === undefined ? null : await openCards(data, cardHash, { mustExist: true });
  try {
    const end = await issue(args, io, plan, keys);
    const isDone = end.outcome === 'issued' && !args.flag('look');
    const account =
      store && isDone
        ? await register(store, new CardNames([], cardHash), plan, end.uid!, holder)
        : null;
    tell(args, io, plan, end, account);
    return end.outcome === 'issued' || end.outcome === 'lacks' ? 0 : 1;
  } finally {
    await store?.close();
  }
}

/** Before a card is touched: none is to stop halfway for want of a key. */
function checkKeys({ profile, keys }: IssuingPlan, issuing: IssuingKeys): void {
  const uses = new Set<AesKeyUse>(['card', 'application', ...keys.map(({ use }) => use)]);
  if (profile.settings.transactionMac !== null) uses.add('transactionMac');
  for (const use of uses) {
    const ref = cardKeyRef(profile, use, new Uint8Array(UID_BYTES));
    if (issuing.bytes(ref) === null) {
      const message = `no desfire ${use} key of version ${ref.version} in the key file`;
      throw new FaregateError('KEYS_MISSING', message);
    }
  }
}

async function issue(
  args: Args,
  io: Io,
  plan: IssuingPlan,
  keys: IssuingKeys,
): Promise<IssuingEnd> {
  const place = { channel: makeChannel(), input: new TransactionInput() };
  const reader = await openWaiting(args, io);
  try {
    const card = await firstCard(reader, waitOf(args));
    const holder = new IssuingKeyringHolder(keys, (n) => new Uint8Array(randomBytes(n)));
    const dialogue = personalise(place, plan, card.uid, args.flag('look'));
    const end = await driveIssuing(card, holder, dialogue);
    await card.release();
    return end;
  } finally {
    await reader.close();
  }
}

/** Told again of the same card, it changes nothing. @throws FaregateError CARD_REFUSED */
async function register(
  store: CardStore,
  names: CardNames,
  { profile }: IssuingPlan,
  uid: Uint8Array,
  holder: string | null,
): Promise<CardAccount> {
  const { name, currency } = profile.settings;
  const issuer = toHex(profile.issuer);
  const named = names.ofNumber(cardNumberOf(uid));
  const account = await new CardRegister(store, Date.now).issue({
    ...named,
    issuer,
    profile: name,
    holder,
    currency,
  });
  if (!('refused' in account)) return account;
  const why = `${account.refused}: ${refusals[account.refused]}`;
  throw new FaregateError(
    'CARD_REFUSED',
    `card ${toHex(uid)} is issued, its account is not: ${why}`,
  );
}

function tell(
  args: Args,
  io: Io,
  plan: IssuingPlan,
  end: IssuingEnd,
  account: CardAccount | null,
): void {
  const uid = end.uid === null ? null : toHex(end.uid);
  if (args.flag('json')) {
    const toDo = end.outcome === 'lacks' ? stepsFrom(plan, end) : [];
    io.out(JSON.stringify({ ...end, uid, toDo, account }));
    return;
  }
  io.out(`card ${uid ?? 'unknown'} as ${plan.profile.settings.name}: ${describe(end)}`);
  if (end.done.length > 0) io.out(`  changed now: ${end.done.join(', ')}`);
  if (end.outcome === 'lacks') io.out(`  to do: ${stepsFrom(plan, end).join(', ')}`);
  if (account) io.out(`  account ..${account.lastDigits}: ${account.standing}, ${account.kind}`);
}

function stepsFrom(plan: IssuingPlan, { next }: IssuingEnd & { outcome: 'lacks' }): string[] {
  const steps = issuingSteps(plan);
  return steps.slice(steps.indexOf(next));
}

function describe(end: IssuingEnd): string {
  switch (end.outcome) {
    case 'issued':
      return `issued, and its keys are proved; value ${end.valueMinor}${end.used ? ', in use' : ''}`;
    case 'lacks':
      return `nothing was changed; it lacks the ${end.next}`;
    case 'refused':
      return `refused: ${issuingRefusals[end.why]}${end.detail === '' ? '' : ` (${end.detail})`}`;
    case 'fault': {
      const { fault, during } = end;
      const where = during === null ? '' : ` while the ${during} was changed`;
      if (fault.fault === 'gone') return `the card left${where}: put it on again, it goes on there`;
      return `${fault.command}: ${faultWords(fault)}${where}; put the card on again`;
    }
  }
}

function faultWords(fault: DesfireFault): string {
  switch (fault.fault) {
    case 'status':
      return fault.meaning;
    case 'forged':
      return `the answer does not verify (${fault.why})`;
    case 'malformed':
      return fault.what;
    case 'keyUnknown':
      return 'no such key';
    case 'gone':
      return 'the card left';
  }
}
