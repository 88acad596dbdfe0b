/** Values for the engine's tests. */
import { RandomStream } from '../src/tensor/philox.ts';

/** Normal values of mean 0 and variance 1: the same for the same seed, or the next ones of a stream. */
export function noise(count: number, from: number | RandomStream = 1): Float32Array<ArrayBuffer> {
  const random = typeof from === 'number' ? new RandomStream(from) : from;
  return Float32Array.from({ length: count }, () => random.normal());
}
