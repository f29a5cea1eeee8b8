/**
 * What an operator would use instead of the engine's ledger: the same debits, in the same order and
 * batches, to a PostgreSQL function that posts a batch as a set, and to a Redis script. Both refuse
 * a repeat, check that the card's counter rises and its balance meets, add to the issuer's account,
 * and are on disk before they answer. Neither checks a TAC, seals evidence or speaks TLS.
 */
import type { Contender } from '../harness.ts';
import { answerOf } from '../load/answer.ts';
import { Debits } from '../load/debits.ts';
import { PostgresServer } from './postgres.ts';
import { RedisServer } from './redis.ts';

const BATCH_RECORDS = 512;
/** Connections, each with WINDOW batches under way; found best on two cores. */
const CONNECTIONS = 8;
const WINDOW = 2;

/** Posts debits `k` to `k + count - 1` under gate `gate`'s sequences from `first` on. */
type Post = (gate: number, first: number, k: number, count: number) => Promise<void>;

/** A server that is ready for debits. */
interface Peer {
  readonly post: Post;
  /** Does what the server would otherwise do by itself while somebody else is timed. */
  readonly settle?: () => Promise<void>;
  /** Debits posted, and their sum. */
  readonly total: () => Promise<readonly string[]>;
}

/** Keeps batches coming; counts what is answered. */
class Flow {
  readonly #debits: Debits;
  readonly #post: Post;
  readonly #next = new Array<number>(CONNECTIONS * WINDOW).fill(1);
  #limit = 0;
  #answered = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => {};
  #failed: (error: unknown) => void = () => {};

  constructor(debits: Debits, post: Post) {
    this.#debits = debits;
    this.#post = post;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Posts `count` more and no others. */
  async post(count: number): Promise<void> {
    this.#limit += count;
    await this.#until(this.#limit);
  }

  /** Posts without end from now on; resolves when `count` more are answered. */
  async flow(count: number): Promise<void> {
    const begun = this.#limit === Number.POSITIVE_INFINITY;
    this.#limit = Number.POSITIVE_INFINITY;
    await this.#until(this.#answered + count, begun);
  }

  async drain(): Promise<void> {
    this.#limit = this.#debits.taken;
    if (this.#answered < this.#limit) await this.#until(this.#limit, true);
  }

  async #until(wanted: number, begun = false): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#wanted = wanted;
      this.#reached = resolve;
      this.#failed = reject;
      if (begun) return;
      for (let gate = 0; gate < CONNECTIONS * WINDOW; gate++) {
        this.#work(gate).catch((error: unknown) => this.#failed(error));
      }
    });
  }

  async #work(gate: number): Promise<void> {
    for (;;) {
      const count = Math.min(BATCH_RECORDS, this.#limit - this.#debits.taken);
      if (count <= 0) return;
      const first = this.#next[gate]!;
      this.#next[gate] = first + count;
      await this.#post(gate, first, this.#debits.take(count), count);
      this.#answered += count;
      if (this.#answered >= this.#wanted) this.#reached();
    }
  }
}

/** Those whose servers are installed; says which are not. */
export async function peerContenders(cards: number, operations: number): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const programs = PostgresServer.programs();
  if (RedisServer.installed) {
    const name = 'Redis, a script for a batch, appendfsync always';
    const start = () => RedisServer.start();
    contenders.push(peerContender(name, start, openRedis, cards, operations));
  } else console.error('left out: Redis, whose package redis-server is not installed');
  if (programs) {
    const name = 'PostgreSQL, a function for a batch';
    const start = () => PostgresServer.start(programs);
    contenders.push(peerContender(name, start, openPostgres, cards, operations));
  } else console.error('left out: PostgreSQL, whose package postgresql is not installed');
  return contenders;
}

/** A contender on a server of its own, which runs from `answer` to `close`. */
function peerContender<Server extends { stop(): Promise<void> }>(
  name: string,
  start: () => Promise<Server>,
  open: (server: Server, debits: Debits) => Promise<Peer>,
  cards: number,
  operations: number,
): Contender {
  const debits = new Debits(cards);
  let server: Server | null = null;
  let peer: Peer;
  let flow: Flow;
  const total = async () => (await peer.total()).map(Number) as [number, number];
  return {
    name,
    async answer() {
      server = await start();
      peer = await open(server, debits);
      flow = new Flow(debits, peer.post);
      await flow.post(cards);
      await peer.settle?.();
      return answerOf(...(await total()));
    },
    run: () => flow.flow(operations),
    async figures() {
      await flow.drain();
      checkTotal(debits, flow.answered, await total());
      return { debits: flow.answered };
    },
    close: () => server?.stop(),
  };
}

const SCHEMA = `
  CREATE TABLE debits (gate int, sequence bigint, card int, counter int, balance int, amount int,
    instant bigint, accepted boolean, PRIMARY KEY (gate, sequence));
  CREATE TABLE cards (card int PRIMARY KEY, counter int, remains int);
  CREATE TABLE accounts (gate int PRIMARY KEY, debits bigint, minor bigint);
  CREATE FUNCTION post(g int, first bigint, card int[], counter int[], balance int[], amount int[],
    instant bigint) RETURNS void LANGUAGE sql AS $$
    WITH given AS (
      SELECT first + u.n - 1 AS sequence, u.* FROM unnest(card, counter, balance, amount)
        WITH ORDINALITY AS u (card, counter, balance, amount, n)
    ), fresh AS (
      INSERT INTO debits SELECT g, d.sequence, d.card, d.counter, d.balance, d.amount, instant,
        c.card IS NULL OR (d.counter > c.counter AND
          (d.counter > c.counter + 1 OR d.balance >= c.remains))
        FROM given d LEFT JOIN cards c ON c.card = d.card
        ON CONFLICT DO NOTHING RETURNING debits.card, debits.counter, debits.balance,
          debits.amount, accepted
    ), heads AS (
      INSERT INTO cards SELECT DISTINCT ON (f.card) f.card, f.counter, f.balance - f.amount
        FROM fresh f WHERE accepted ORDER BY f.card, f.counter DESC
        ON CONFLICT (card) DO UPDATE SET counter = excluded.counter, remains = excluded.remains
    )
    INSERT INTO accounts SELECT g, count(*), coalesce(sum(f.amount), 0) FROM fresh f WHERE accepted
      ON CONFLICT (gate) DO UPDATE SET debits = accounts.debits + excluded.debits,
        minor = accounts.minor + excluded.minor
  $$`;

/** Gates have account rows of their own, so that their batches do not wait for each other. */
async function openPostgres(server: PostgresServer, debits: Debits): Promise<Peer> {
  const control = await server.connect();
  await control.query(SCHEMA);
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const connection = await server.connect();
      await connection.prepare(
        'SELECT post($1::int, $2::bigint, $3::int[], $4::int[], $5::int[], $6::int[], $7::bigint)',
      );
      return connection;
    }),
  );
  const post: Post = async (gate, first, k, count) => {
    const batch = Array.from({ length: count }, (_, i) => debits.at(k + i));
    const column = (name: 'card' | 'counter' | 'balanceBeforeMinor' | 'amountMinor') =>
      `{${batch.map((debit) => debit[name]).join(',')}}`;
    await connections[gate % CONNECTIONS]!.execute([
      String(gate),
      String(first),
      column('card'),
      column('counter'),
      column('balanceBeforeMinor'),
      column('amountMinor'),
      '1772413200000',
    ]);
  };
  const settle = async () => {
    await control.query('VACUUM ANALYZE');
    await control.query('CHECKPOINT');
  };
  const total = () => control.query('SELECT sum(debits), sum(minor) FROM accounts');
  return { post, settle, total };
}

/**
 * ARGV: gate, first sequence, then card, counter, balance and amount of each debit as 4 bytes each.
 * Every debit is kept under its gate and sequence, which refuses a repeat of any split.
 */
const SCRIPT = `
  local gate, first, packed = 'g' .. ARGV[1], tonumber(ARGV[2]), ARGV[3]
  local posted, minor = 0, 0
  for i = 0, #packed / 16 - 1 do
    local debit = packed:sub(i * 16 + 1, i * 16 + 16)
    if redis.call('HSETNX', gate, first + i, debit) == 1 then
      local card, counter, balance, amount = struct.unpack('>I4I4I4I4', debit)
      local key = 'c' .. card
      local head = redis.call('GET', key)
      local accepted = true
      if head then
        local former, remains = struct.unpack('>I4I4', head)
        accepted = counter > former and (counter > former + 1 or balance >= remains)
      end
      if accepted then
        redis.call('SET', key, struct.pack('>I4I4', counter, balance - amount))
        posted = posted + 1
        minor = minor + amount
      end
    end
  end
  redis.call('HINCRBY', 'account', 'debits', posted)
  redis.call('HINCRBY', 'account', 'minor', minor)
  return posted`;

async function openRedis(server: RedisServer, debits: Debits): Promise<Peer> {
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => server.connect()),
  );
  const control = connections[0]!;
  const script = await control.command('SCRIPT', 'LOAD', SCRIPT);
  const post: Post = async (gate, first, k, count) => {
    const packed = Buffer.allocUnsafe(16 * count);
    for (let i = 0; i < count; i++) {
      const debit = debits.at(k + i);
      packed.writeUInt32BE(debit.card, 16 * i);
      packed.writeUInt32BE(debit.counter, 16 * i + 4);
      packed.writeUInt32BE(debit.balanceBeforeMinor, 16 * i + 8);
      packed.writeUInt32BE(debit.amountMinor, 16 * i + 12);
    }
    const connection = connections[gate % CONNECTIONS]!;
    await connection.command('EVALSHA', script, '0', String(gate), String(first), packed);
  };
  const total = async () => [
    await control.command('HGET', 'account', 'debits'),
    await control.command('HGET', 'account', 'minor'),
  ];
  return { post, total };
}

function checkTotal(debits: Debits, answered: number, [posted, minor]: [number, number]): void {
  if (posted === answered && minor === debits.sumMinor(0, answered)) return;
  throw new Error(`${posted} debits of ${minor} are posted, of ${answered} answered`);
}
