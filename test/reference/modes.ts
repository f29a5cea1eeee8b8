/**
 * A slow twin of `engine/tap/mode-plan.ts`: the tables of `docs/modes.md` as rules in plain words,
 * the first that fits wins. It looks at no clock and no fare set: a tap's findings are its facts.
 */
export interface ModeFacts {
  readonly side: 'entry' | 'exit';
  readonly modes: readonly string[];
  readonly where: 'none' | 'inside' | 'outside';
  /** The last tap was at this station, within the pass-back time. */
  readonly justHere: boolean;
  /** The rider was in the paid area for too long. */
  readonly overstayed: boolean;
  /** Of the history: an emergency, or no trains where the rider came in, while he was in. */
  readonly caughtIn: readonly ('emergency' | 'trainFailure')[];
  /** He came in under free time. */
  readonly enteredTimeFree: boolean;
  /** A station where the order was free, not too long ago, and it costs this from there. */
  readonly orderFreeFrom: number | null;
  readonly missingTap: number | null;
  readonly fare: number;
  readonly overstayFare: number;
}

/** A reason, or what is charged. */
export type Verdict = string | number;

type Rule = readonly [when: (facts: ModeFacts) => boolean, then: (facts: ModeFacts) => Verdict];

const has =
  (mode: string) =>
  ({ modes }: ModeFacts): boolean =>
    modes.includes(mode);
const on = (side: string) => (facts: ModeFacts) => facts.side === side;
const inside = ({ where }: ModeFacts): boolean => where === 'inside';
const all =
  (...tests: ((facts: ModeFacts) => boolean)[]) =>
  (facts: ModeFacts): boolean =>
    tests.every((test) => test(facts));
const not =
  (test: (facts: ModeFacts) => boolean) =>
  (facts: ModeFacts): boolean =>
    !test(facts);

const rules: readonly Rule[] = [
  [has('emergency'), () => 'released'],
  [has('closed'), () => 'stationClosed'],
  [all(on('entry'), has('trainFailure')), () => 'noTrains'],
  [all(on('entry'), has('exitOnly')), () => 'entryClosed'],
  [all(on('exit'), has('entryOnly')), () => 'exitClosed'],

  [all(on('entry'), not(inside)), () => 0],
  [all(on('entry'), has('orderFree')), () => 0],
  [all(on('entry'), ({ caughtIn }) => caughtIn.length > 0), () => 0],
  [all(on('entry'), ({ justHere }) => justHere), () => 'passBack'],
  [all(on('entry'), ({ missingTap }) => missingTap === null), () => 'noExit'],
  [all(on('entry'), has('fareFree')), () => 0],
  [on('entry'), ({ missingTap }) => missingTap!],

  [all(inside, has('trainFailure')), () => 0],
  [all(inside, has('fareFree')), () => 0],
  [
    all(
      inside,
      not(({ overstayed }) => overstayed),
    ),
    ({ fare }) => fare,
  ],
  [all(inside, has('timeFree')), ({ fare }) => fare],
  [all(inside, ({ enteredTimeFree }) => enteredTimeFree), ({ fare }) => fare],
  [all(inside, ({ caughtIn }) => caughtIn.includes('trainFailure')), ({ fare }) => fare],
  [inside, ({ overstayFare }) => overstayFare],

  [has('orderFree'), () => 0],
  [({ where, justHere }) => where === 'outside' && justHere, () => 'passBack'],
  [has('trainFailure'), () => 0],
  [all(({ orderFreeFrom }) => orderFreeFrom !== null, has('fareFree')), () => 0],
  [({ orderFreeFrom }) => orderFreeFrom !== null, ({ orderFreeFrom }) => orderFreeFrom!],
  [({ missingTap }) => missingTap === null, () => 'noEntry'],
  [has('fareFree'), () => 0],
  [() => true, ({ missingTap }) => missingTap!],
];

export function modeVerdict(facts: ModeFacts): Verdict {
  return rules.find(([when]) => when(facts))![1](facts);
}
