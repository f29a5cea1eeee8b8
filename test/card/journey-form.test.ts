/** A form writes what `writeJourneyRecord` writes, over whatever the card had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fillJourney, journeyForm } from '../../engine/card/journey-form.ts';
import { type JourneyLayout, writeJourneyRecord } from '../../engine/card/journey-record.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { parseProfile } from '../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** The fields of this one leave bytes between them and behind. */
function gapped(): JourneyLayout {
  const { journeyFile, ...rest } = builtInProfile('tunion');
  const { type, station, amount, dateTime } = journeyFile!.fields;
  const fields = { type, station, amount, dateTime };
  const text = JSON.stringify({ ...rest, name: 'gapped', journeyFile: { ...journeyFile, fields } });
  return compileProfile(parseProfile(text, 'gapped')).journey!.layout;
}

const layouts = {
  tunion: compileProfile(builtInProfile('tunion')).journey!.layout,
  gapped: gapped(),
};

for (const [name, layout] of Object.entries(layouts)) {
  test(`${name}: a filled form is the record written field by field`, () => {
    const place = fc.record({
      station: bytesOf(4),
      stationRest: bytesOf(layout.stationRest.length),
      terminal: bytesOf(6),
      city: bytesOf(layout.city.length),
      institution: bytesOf(layout.institution.length),
    });
    const amount = fc.nat({ max: 0xffff });
    fc.assert(
      fc.property(
        place,
        fc.constantFrom('entry', 'exit'),
        fc.option(bytesOf(layout.recordLength)),
        amount,
        amount,
        bytesOf(7),
        (where, type, previous, amountMinor, balanceMinor, dateTime) => {
          const at = 5;
          const expected = new Uint8Array(at + layout.recordLength + 1);
          expected.set(previous ?? [], at);
          writeJourneyRecord(
            layout,
            {
              ...where,
              type,
              industry: layout.industryByte,
              amountMinor,
              balanceMinor,
              dateTime,
              maxIncompleteAmountMinor: 0,
              maxTime: 0,
            },
            expected,
            at,
          );
          const filled = new Uint8Array(expected.length);
          const form = journeyForm(layout, where, type);
          fillJourney(form, previous, amountMinor, balanceMinor, dateTime, filled, at);
          assert.deepEqual(filled, expected);
        },
      ),
    );
  });

  test(`${name}: no room, or a record of another length to keep of, is our mistake`, () => {
    const place = {
      station: new Uint8Array(4),
      stationRest: new Uint8Array(0),
      terminal: new Uint8Array(6),
      city: new Uint8Array(0),
      institution: new Uint8Array(0),
    };
    const form = journeyForm(layout, place, 'exit');
    const fill = (previous: Uint8Array, room: number) =>
      fillJourney(form, previous, 1, 2, new Uint8Array(7), new Uint8Array(room), 0);
    const { recordLength } = layout;
    if (name === 'gapped') {
      assert.throws(() => fill(new Uint8Array(recordLength - 1), recordLength), /of the layout/);
    }
    assert.throws(() => fill(new Uint8Array(recordLength), recordLength - 1), /room/);
  });
}
