/**
 * Opens a pool, has one batch done, closes it and ends by itself. Prints the threads it had, the
 * batch's verdicts, and what still held the process when the pool had closed.
 */
import { openCryptoPool } from '../../../engine/crypto/pool/pool.ts';
import { DEBIT_BYTES } from '../../../engine/debit/record.ts';

const keys = { keys: [], aes: [], cryptogram: [], cardHash: new Uint8Array(16) };
const pool = await openCryptoPool(keys, { workers: 2 });
const { workers } = pool.status();
const verdicts = await pool.run('tacs', new Uint8Array(1024 * DEBIT_BYTES), null);
await pool.close();
const held = process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name));
console.log(JSON.stringify({ workers, verdicts: [...new Set(verdicts)], held }));
