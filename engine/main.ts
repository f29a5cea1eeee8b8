#!/usr/bin/env node
/** The program `faregate-engine`. */
import { accountCommand } from './cli/account.ts';
import { cardCommands } from './cli/cards.ts';
import { runProgram } from './cli/command.ts';
import { denylistCommands } from './cli/denylist.ts';
import { fareCommands } from './cli/fares.ts';
import { gateCommands } from './cli/gates.ts';
import { keyCommands } from './cli/keys.ts';
import { ledgerCommands } from './cli/ledger.ts';
import { clearingCommand } from './cli/ledger-clearing.ts';
import { openLoopCommands } from './cli/openloop.ts';
import { parameterCommands } from './cli/parameters.ts';
import { processIo } from './cli/process-io.ts';
import { quoteCommand } from './cli/quote.ts';
import { serveCommand } from './cli/serve.ts';
import { shiftCommands } from './cli/shifts.ts';

process.exitCode = await runProgram(
  'faregate-engine',
  "the operator's side: fares, keys, gates, ingest, ledger",
  [
    serveCommand,
    ...fareCommands,
    quoteCommand,
    accountCommand,
    ...keyCommands,
    ...gateCommands,
    ...cardCommands,
    ...denylistCommands,
    ...parameterCommands,
    ...ledgerCommands,
    clearingCommand,
    ...openLoopCommands,
    ...shiftCommands,
  ],
  process.argv.slice(2),
  processIo(),
);
