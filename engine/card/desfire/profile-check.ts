/**
 * What a DESFire profile's JSON Schema cannot say: fields lie inside their record and do not
 * overlap and hold what is written, type bytes are of one type, files differ, and modes are those
 * of the authentication.
 */
import { DESFIRE_ANSWER_BYTES_MAX } from '../../card-limits.ts';
import type { Field } from '../journey-record.ts';
import type { DesfireProfile, RecordFileSettings } from './profile.ts';

/** The first problem, naming its field as the schema's errors do, or null. */
export function checkDesfireProfile(profile: DesfireProfile): string | null {
  return (
    fieldsProblem(profile.recordFile) ??
    typesProblem(profile.recordFile.types) ??
    sizesProblem(profile) ??
    filesProblem(profile) ??
    keysProblem(profile)
  );
}

function fieldsProblem({ fields, length }: RecordFileSettings): string | null {
  const owners: (string | undefined)[] = new Array(length);
  for (const [name, field] of Object.entries<Field | null>({ ...fields })) {
    if (field === null) continue;
    const path = `field /recordFile/fields/${name}`;
    if (field.offset + field.length > length) {
      return `${path} must lie in the record's ${length} bytes`;
    }
    for (let at = field.offset; at < field.offset + field.length; at++) {
      if (owners[at] !== undefined) return `${path} overlaps ${owners[at]}`;
      owners[at] = name;
    }
  }
  return null;
}

function typesProblem(types: RecordFileSettings['types']): string | null {
  const owners = new Map<string, string>();
  for (const [name, values] of Object.entries(types)) {
    for (const value of values) {
      const owner = owners.get(value.toUpperCase());
      if (owner !== undefined) {
        return `field /recordFile/types/${name} has ${value}, which is of ${owner} already`;
      }
      owners.set(value.toUpperCase(), name);
    }
  }
  return null;
}

/** All records are read at once to settle a torn debit; with ISO chaining in one answer. */
function sizesProblem({ recordFile, chaining, maxAmountMinor }: DesfireProfile): string | null {
  const { amount, balance } = recordFile.fields;
  if (amount && maxAmountMinor >= 256 ** amount.length) {
    return `field /maxAmountMinor does not fit the ${amount.length} bytes of the record's amount`;
  }
  if (balance && balance.length < 4) {
    return 'field /recordFile/fields/balance/length must be 4: a value has no other bound';
  }
  const most = chaining === 'iso' ? 256 : DESFIRE_ANSWER_BYTES_MAX;
  const answer = (recordFile.records - 1) * recordFile.length + 24;
  if (answer <= most) return null;
  return `field /recordFile/records: all records are ${answer} bytes, an answer holds ${most}`;
}

function filesProblem({ valueFile, recordFile, transactionMac }: DesfireProfile): string | null {
  if (valueFile.number === recordFile.number) {
    return 'field /recordFile/number is that of /valueFile';
  }
  const { number } = transactionMac ?? { number: -1 };
  if (number === valueFile.number || number === recordFile.number) {
    return 'field /transactionMac/number is that of another file';
  }
  return null;
}

function keysProblem(profile: DesfireProfile): string | null {
  const { authentication, keys, diversification, valueFile, recordFile, transactionMac } = profile;
  if (authentication === 'ev1') {
    const files = { valueFile, recordFile, transactionMac };
    for (const [name, file] of Object.entries(files)) {
      if (file?.mode === 'full') return `field /${name}/mode must not be "full" with EV1`;
    }
    if (keys.identity !== null) return 'field /keys/identity must be null with EV1';
  }
  if (diversification === null) return null;
  const length = 7 + (diversification.aid.length + diversification.systemId.length) / 2;
  if (length > 31) return `field /diversification: ${length} bytes, AN10922 takes 31`;
  return null;
}
