/**
 * @file Seeded initial values. Each parameter draws from its own stream, so adding a layer changes no other layer's
 * values.
 */
import type { RandomStream } from '@curio/engine';

/** Fills `out` with initial values; called for one piece of a large tensor after the other. */
export type Initializer = (out: Float32Array, random: RandomStream) => void;

export const init = {
  zeros: ((out) => void out.fill(0)) as Initializer,
  ones: ((out) => void out.fill(1)) as Initializer,
  constant:
    (value: number): Initializer =>
    (out) =>
      void out.fill(value),
  /** U(−bound, bound). */
  uniform:
    (bound: number): Initializer =>
    (out, random) =>
      random.uniforms(out, -bound, bound),
  /** U(−1/√in, 1/√in): PyTorch's default for the weight and the bias of a linear layer with `fanIn` inputs. */
  linear: (fanIn: number): Initializer => init.uniform(1 / Math.sqrt(fanIn)),
  /** N(0, std²). */
  normal:
    (std: number): Initializer =>
    (out, random) => {
      for (let i = 0; i < out.length; i++) out[i] = std * random.normal();
    },
};

/** FNV-1a of a name: the number of a parameter's random stream. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
