/**
 * What a DESFire profile's JSON Schema cannot say: fields lie inside their record and do not
 * overlap and hold what is written, type bytes are of one type, files differ, and modes are those
 * of the authentication.
 */
import { DESFIRE_ANSWER_BYTES_MAX } from '../../card-limits.ts';
import { fieldsProblem, typesProblem } from '../record-check.ts';
import type { DesfireProfile } from './profile.ts';

/** The first problem, naming its field as the schema's errors do, or null. */
export function checkDesfireProfile(profile: DesfireProfile): string | null {
  const { fields, length, types } = profile.recordFile;
  return (
    fieldsProblem('/recordFile', fields, length, 0) ??
    typesProblem('/recordFile', types) ??
    sizesProblem(profile) ??
    filesProblem(profile) ??
    keysProblem(profile)
  );
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
