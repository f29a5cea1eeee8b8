/**
 * Drives a dialogue from a recorded transcript: each command must be, byte for byte, the recorded
 * one; the first that differs fails the test with its number and offset.
 */
import assert from 'node:assert/strict';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { Answer, Ask, Dialogue, Mac1Answer } from '../../engine/card/dialogue.ts';

/** One exchange: C-APDU and response in hexadecimal; `r` null where the card had gone. */
export interface Step {
  readonly c: string;
  readonly r: string | null;
}

export interface ReplayOptions {
  /** The recording leaves out the Le byte of commands with data, as vendors' logs do. */
  readonly leLeftOut?: boolean;
  /** What the key holder answers. */
  readonly mac1?: Mac1Answer;
  readonly mac2?: boolean;
}

/** Runs `dialogue` to its end, answering every ask. */
export function drive<R>(dialogue: Dialogue<R>, answer: (ask: Ask) => Answer): R {
  let next = dialogue.next();
  while (!next.done) next = dialogue.next(answer(next.value));
  return next.value;
}

/** Runs `dialogue` to its end against `steps`, all of which must be used. */
export function replay<R>(
  dialogue: Dialogue<R>,
  steps: readonly Step[],
  options: ReplayOptions = {},
): R {
  let done = 0;
  const result = drive(dialogue, (ask): Answer => {
    if (ask.ask === 'mac1') {
      assert(options.mac1, 'the dialogue asks for MAC1, and the transcript has none');
      return options.mac1;
    }
    if (ask.ask === 'mac2') return options.mac2 ?? false;
    const step = steps[done++];
    assert(
      step,
      `command ${done} (${ask.command} ${toHex(ask.apdu)}) is past the transcript's end`,
    );
    ask.meanwhile?.();
    assertCommand(ask.apdu, fromHex(step.c), options.leLeftOut ?? false, `${done}, ${ask.command}`);
    return step.r === null ? null : fromHex(step.r);
  });
  assert.equal(done, steps.length, 'commands of the transcript that were never sent');
  return result;
}

function assertCommand(
  sent: Uint8Array,
  recorded: Uint8Array,
  leLeftOut: boolean,
  where: string,
): void {
  const withoutLe =
    leLeftOut && recorded.length === 5 + (recorded[4] ?? 0) && sent.length === recorded.length + 1;
  const length = Math.max(withoutLe ? sent.length - 1 : sent.length, recorded.length);
  for (let at = 0; at < length; at++) {
    if (sent[at] === recorded[at]) continue;
    assert.fail(
      `command ${where}: byte ${at} differs: sent ${toHex(sent)}, recorded ${toHex(recorded)}`,
    );
  }
}
