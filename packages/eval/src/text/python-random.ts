/**
 * @file Python's `random` for a seed: MT19937 (Matsumoto and Nishimura, 1998), seeded with an integer and sampled as in
 * CPython, so that a scorer's random fallback picks what the original picks.
 */
const N = 624;
const M = 397;

export class PythonRandom {
  readonly #state = new Uint32Array(N);
  #at = N;

  /** @param seed a whole number from 0 to 2^32 - 1 */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
      throw new RangeError(`random: the seed is ${seed}; it must be a whole number from 0 to 4294967295.`);
    // A seed is a key of one word: the state of seed 19650218 is mixed with it in two passes.
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    const mixed = (i: number, factor: number) => state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), factor);
    const step = (i: number): number => {
      if (i < N - 1) return i + 1;
      state[0] = state[N - 1];
      return 1;
    };
    let i = 1;
    for (let k = 0; k < N; k++) {
      state[i] = mixed(i, 1664525) + seed;
      i = step(i);
    }
    for (let k = 0; k < N - 1; k++) {
      state[i] = mixed(i, 1566083941) - i;
      i = step(i);
    }
    state[0] = 0x80000000;
  }

  #word(): number {
    const state = this.#state;
    if (this.#at === N) {
      for (let i = 0; i < N; i++) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
        state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.#at = 0;
    }
    let y = state[this.#at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /**
   * `random.choice(range(count))`: a whole number below count, from the top bits of words, drawn until one is below it.
   */
  below(count: number): number {
    const bits = 32 - Math.clz32(count);
    for (;;) {
      const drawn = this.#word() >>> (32 - bits);
      if (drawn < count) return drawn;
    }
  }
}
