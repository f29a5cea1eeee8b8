/**
 * `faregate-gate look`: what a card carries, for staff at a desk. Purse and e-cash with their
 * balances and the names of other services that are on it (docs/citizen-card.md); no card number,
 * nothing of a person, and nothing is written.
 */
import { readFile } from 'node:fs/promises';
import { isFault } from '../../engine/card/dialogue.ts';
import { type CardSeen, lookAtCard } from '../../engine/card/look.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfileNames } from '../../engine/card/purse/profiles.ts';
import { type CardServices, noServices, parseServices } from '../../engine/card/services.ts';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import { openProfile } from '../../engine/operator/profile-files.ts';
import { driveCard } from '../load/load-machine.ts';
import { openWaiting, readerOption, waitOf, waitOption } from './reader-option.ts';
import { firstCard } from './tap.ts';

export const lookCommand: Command = {
  name: 'look',
  about: 'Says what a card carries: purse, e-cash, other services; exit code 0 if it was read.',
  options: {
    reader: readerOption,
    profile: {
      type: 'string',
      value: 'NAME_OR_FILE',
      multiple: true,
      about: `purses looked for, in order (default ${builtInProfileNames.join(', ')})`,
    },
    services: { type: 'string', value: 'FILE', about: 'other services (docs/citizen-card.md)' },
    wait: waitOption,
    json: { type: 'boolean', about: 'print one JSON object' },
  },
  run: look,
};

async function look(args: Args, io: Io): Promise<number> {
  const names = args.list('profile');
  const asked = names.length > 0 ? names : builtInProfileNames;
  const profiles = (await Promise.all(asked.map(openProfile))).map(compileProfile);
  const services = await servicesFrom(args.text('services'));
  const reader = await openWaiting(args, io);
  try {
    const card = await firstCard(reader, waitOf(args));
    const seen = await driveCard(card, lookAtCard(profiles, services));
    await card.release();
    if (isFault(seen)) {
      io.err('the card left before it was read');
      return 1;
    }
    if (args.flag('json')) io.out(JSON.stringify(seen));
    else for (const line of describeCard(seen)) io.out(line);
    return 0;
  } finally {
    await reader.close();
  }
}

async function servicesFrom(path: string | undefined): Promise<CardServices> {
  if (path === undefined) return noServices;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  return parseServices(text, path);
}

/** What staff read. */
export function describeCard({ purse, ecash, services, others }: CardSeen): string[] {
  const lines: string[] = [];
  if (purse) {
    const { profile, issuer, accepted, locked, balanceMinor } = purse;
    const state = locked ? ', locked' : accepted ? '' : ', of an issuer that is not accepted';
    const holds = balanceMinor === null ? '' : `: ${balanceMinor}`;
    lines.push(`purse ${profile} of issuer ${issuer}${state}${holds}`);
  } else lines.push('no purse');
  for (const { aid, balanceMinor } of ecash) {
    lines.push(`e-cash ${aid}${balanceMinor === null ? '' : `: ${balanceMinor}`}`);
  }
  const more = [...services, ...others.map((aid) => `application ${aid}`)];
  if (more.length > 0) lines.push(`this card has also: ${more.join(', ')}`);
  return lines;
}
