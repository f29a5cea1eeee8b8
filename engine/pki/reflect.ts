/**
 * The three metadata functions that the dependency-injection library under @peculiar/x509 asks of
 * `Reflect`. It only ever reads back what it wrote itself; the full polyfill would add nothing.
 */

type Metadata = Map<unknown, unknown>;

interface MetadataReflect {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
}

const stored = new WeakMap<object, Metadata>();
const reflect = Reflect as MetadataReflect;

reflect.getOwnMetadata ??= (key, target) => stored.get(target)?.get(key);

reflect.getMetadata ??= (key, target) => {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const value = stored.get(at)?.get(key);
    if (value !== undefined) return value;
  }
  return undefined;
};

reflect.defineMetadata ??= (key, value, target) => {
  const metadata: Metadata = stored.get(target) ?? new Map();
  stored.set(target, metadata.set(key, value));
};
