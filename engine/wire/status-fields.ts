/** Reads a gate's status from a message, so that what the dashboard merges is known to be sound. */
import { GATE_ID_PATTERN } from '../debit/record.ts';
import { HISTOGRAM_BUCKETS, type HistogramData } from '../histogram.ts';
import { PARAMETERS_VERSION_MAX, WIRE_NAMES_MAX, WIRE_TEXT_LENGTH_MAX } from '../limits.ts';
import { type Fields, malformed } from './fields.ts';
import type { GateNow, GateStatus } from './gate-status.ts';

const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** @throws FaregateError UPLOAD_MALFORMED naming the field. */
export function readStatus(fields: Fields): GateStatus {
  const count = (name: string): number => fields.whole(name, 0, COUNT_MAX);
  return {
    gateId: fields.matching('gateId', GATE_ID_PATTERN),
    station: fields.text('station', WIRE_TEXT_LENGTH_MAX),
    startedMs: count('startedMs'),
    taps: count('taps'),
    opened: count('opened'),
    debits: count('debits'),
    torn: count('torn'),
    recovered: count('recovered'),
    denied: fields.counts('denied', WIRE_NAMES_MAX, COUNT_MAX),
    backlog: count('backlog'),
    unconfirmed: count('unconfirmed'),
    ...readParameters(fields),
    tapMs: readHistogram(fields.nested('tapMs'), 'tapMs'),
    hostUs: readHistogram(fields.nested('hostUs'), 'hostUs'),
    ...readOptional(fields, 'bankTapMs'),
    ...readOptional(fields, 'bankHostUs'),
    ...(fields.absent('now') ? {} : { now: readNow(fields.nested('now')) }),
  };
}

function readNow(fields: Fields): GateNow {
  return {
    mode: fields.whole('mode', 0, 0xffff),
    clockQuality: fields.whole('clockQuality', 0, 0xff),
    shift: fields.whole('shift', 0, 0xffff_ffff),
    shiftRecords: fields.whole('shiftRecords', 0, COUNT_MAX),
    shiftAmountMinor: fields.whole('shiftAmountMinor', 0, COUNT_MAX),
    underMode: fields.counts('underMode', WIRE_NAMES_MAX, COUNT_MAX),
  };
}

function readParameters(fields: Fields): Pick<GateStatus, 'parameters'> {
  if (fields.absent('parameters')) return {};
  const parameters = fields.nested('parameters');
  return {
    parameters: {
      version: parameters.whole('version', 0, PARAMETERS_VERSION_MAX),
      staged: parameters.whole('staged', 0, PARAMETERS_VERSION_MAX),
      fault: parameters.text('fault', WIRE_TEXT_LENGTH_MAX),
    },
  };
}

/** Gates that know no bank cards leave them out. */
function readOptional(
  fields: Fields,
  name: 'bankTapMs' | 'bankHostUs',
): Partial<Record<typeof name, HistogramData>> {
  return fields.absent(name) ? {} : { [name]: readHistogram(fields.nested(name), name) };
}

/** Buckets rise, so that none comes twice and a list cannot be longer than the histogram. */
function readHistogram(fields: Fields, name: string): HistogramData {
  const max = fields.whole('max', 0, 0xffff_ffff);
  const counts = fields.wholes('counts', 2 * HISTOGRAM_BUCKETS, COUNT_MAX);
  if (counts.length % 2 !== 0) throw malformed(`field status.${name}.counts has an odd length`);
  let before = -1;
  for (let i = 0; i < counts.length; i += 2) {
    const bucket = counts[i]!;
    if (bucket <= before || bucket >= HISTOGRAM_BUCKETS) {
      throw malformed(`field status.${name}.counts has bucket ${bucket} out of place`);
    }
    before = bucket;
  }
  return { max, counts };
}
