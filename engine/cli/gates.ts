/** `faregate-engine gates ...`: who may upload. */
import { FaregateError } from '../errors.ts';
import { isDataFolder } from '../operator/data-folder.ts';
import type { EnrolOptions } from '../operator/enrolment.ts';
import { enrolGate, revokeGate } from '../operator/enrolment.ts';
import { type EnrolledGate, readRegistry } from '../operator/registry.ts';
import type { Args, Command, Io } from './command.ts';

const data = {
  type: 'string',
  required: true,
  value: 'DIR',
  about: 'data directory of the engine',
} as const;
const gate = { type: 'string', required: true, value: 'ID', about: 'id of the gate' } as const;
const json = { type: 'boolean', about: 'print JSON' } as const;

export const gateCommands: readonly Command[] = [
  {
    name: 'gates enroll',
    about: 'Enrols a gate and writes the files it needs to upload.',
    options: {
      data,
      gate,
      station: { type: 'string', value: 'NAME', about: 'station it stands in' },
      csr: { type: 'string', value: 'FILE', about: 'sign this request; the gate keeps its key' },
      out: { type: 'string', required: true, value: 'DIR', about: "where the gate's files go" },
      replace: { type: 'boolean', about: 'revoke the former certificate and issue anew' },
      json,
    },
    run: enrol,
  },
  {
    name: 'gates list',
    about: 'Lists the enrolled gates.',
    options: { data, json },
    run: list,
  },
  {
    name: 'gates revoke',
    about: "Ends a gate's right to upload; a running engine heeds it within 20 ms.",
    options: { data, gate, json },
    run: revoke,
  },
];

async function enrol(args: Args, io: Io): Promise<number> {
  const requestFile = args.text('csr');
  const station = args.text('station');
  const options: EnrolOptions = {
    gateId: args.need('gate'),
    outDir: args.need('out'),
    replace: args.flag('replace'),
    ...(station === undefined ? {} : { station }),
    ...(requestFile === undefined ? {} : { requestFile }),
  };
  const dataDir = args.need('data');
  if (!(await isDataFolder(dataDir))) {
    const message = `${dataDir} is no engine's data folder; make it, for a new engine`;
    throw new FaregateError('ENROLMENT_REFUSED', message);
  }
  const enrolled = await enrolGate(dataDir, options);
  if (args.flag('json')) io.out(JSON.stringify(enrolled));
  else io.out(`gate ${enrolled.id} enrolled; its files are in ${options.outDir}`);
  return 0;
}

async function list(args: Args, io: Io): Promise<number> {
  const gates = await readRegistry(args.need('data'));
  if (args.flag('json')) {
    io.out(JSON.stringify(gates));
    return 0;
  }
  for (const one of gates) io.out(describe(one));
  if (gates.length === 0) io.out('no gate is enrolled');
  return 0;
}

async function revoke(args: Args, io: Io): Promise<number> {
  const revoked = await revokeGate(args.need('data'), args.need('gate'));
  io.out(args.flag('json') ? JSON.stringify(revoked) : `gate ${revoked.id} revoked`);
  return 0;
}

function describe(one: EnrolledGate): string {
  const standing = one.revoked ? `revoked ${one.revoked}` : `enrolled ${one.enrolledAt}`;
  return `${one.id.padEnd(12)}  ${standing}  ${one.serial}  ${one.station}`;
}
