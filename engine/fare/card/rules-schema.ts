/** The JSON Schema of `CardRules`, as a fare set's document carries them. */

import {
  CARD_NETWORKS_MAX,
  CARD_TRANSFERS_MAX,
  FARE_AMOUNT_MINOR_MAX,
  FARE_NAME_LENGTH_MAX,
  FARE_RIDERS_MAX,
  GTFS_ROWS_MAX,
} from '../../limits.ts';
import { closed, orNull, whole } from '../../schema/shapes.ts';
import { DAY_SPENT_MAX, MONTH_SPENT_MAX, TRANSFERS_MAX } from './counters.ts';

const DAY_MS = 86_400_000;
const network = whole(-1, CARD_NETWORKS_MAX - 1);
const round = { roundMinor: whole(1, FARE_AMOUNT_MINOR_MAX) };
const reduction = {
  percent: whole(0, 100),
  offMinor: whole(0, FARE_AMOUNT_MINOR_MAX),
  ...round,
};

const rider = closed({
  discounts: { type: 'array', items: closed({ network, ...reduction }), maxItems: GTFS_ROWS_MAX },
  transfers: {
    type: 'array',
    items: closed({
      fromNetwork: network,
      toNetwork: network,
      limitMs: whole(0, 7 * DAY_MS),
      count: whole(1, TRANSFERS_MAX),
      ...reduction,
    }),
    maxItems: CARD_TRANSFERS_MAX,
  },
  month: orNull(
    closed({
      network,
      steps: {
        type: 'array',
        items: closed({
          fromMinor: whole(0, MONTH_SPENT_MAX),
          percent: whole(0, 100),
          ...round,
        }),
        minItems: 1,
        maxItems: GTFS_ROWS_MAX,
      },
    }),
  ),
  dayCap: orNull(closed({ network, amountMinor: whole(0, DAY_SPENT_MAX) })),
});

export const cardRulesSchema: object = closed({
  networks: {
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: FARE_NAME_LENGTH_MAX },
    maxItems: CARD_NETWORKS_MAX,
    uniqueItems: true,
  },
  dayStartMs: whole(0, DAY_MS - 1),
  riders: { type: 'array', items: rider, minItems: 1, maxItems: FARE_RIDERS_MAX },
});
