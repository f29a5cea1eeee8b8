#!/usr/bin/env node
/** The program `faregate-gate`. */
import { runProgram } from '../engine/cli/command.ts';
import { processIo } from '../engine/cli/process-io.ts';
import { demoCommand, demoStationCommand } from './cli/demo.ts';
import { loadCommand } from './cli/load.ts';
import { lookCommand } from './cli/look.ts';
import { modeCommand } from './cli/mode.ts';
import { personaliseCommand } from './cli/personalise.ts';
import { runCommand } from './cli/run.ts';
import { tapCommand } from './cli/tap.ts';
import { uploadCommand } from './cli/upload.ts';
import { virtualCardCommand } from './cli/virtual-card.ts';

process.exitCode = await runProgram(
  'faregate-gate',
  "the gate's side: running gates, single taps, cards at a desk, virtual cards, the demo",
  [
    runCommand,
    modeCommand,
    uploadCommand,
    tapCommand,
    loadCommand,
    lookCommand,
    personaliseCommand,
    demoCommand,
    virtualCardCommand,
    demoStationCommand,
  ],
  process.argv.slice(2),
  processIo(),
);
