/** @file Flat buffers: the trained parameters of a group side by side, so that a step is a few dispatches. */
import { Storage } from '../gpu/memory/arena.ts';
import { ConfigError, DTypeError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { moveSaved } from '../gpu/memory/saved-part.ts';
import type { Binding, Purpose } from '../gpu/memory/block.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { groupOf } from './groups.ts';
import type { Trainable } from './groups.ts';
import { makeMoments, MOMENT_BLOCK, MOMENT_STORAGES, momentsOf } from './moments.ts';
import type { Moments, MomentStorage } from './moments.ts';

/**
 * Each parameter begins at a multiple of this many elements: 256 bytes, the grid of bindings, or a whole block of
 * moments.
 */
const ALIGNMENT: Readonly<Record<MomentStorage, number>> = { f32: 64, '8bit': MOMENT_BLOCK };

/** Parameters in one set of buffers: value, gradient, moments. */
export class Segment {
  readonly value: Storage;
  readonly gradient: Storage;
  readonly moments: Moments;
  /** Elements, padding included. */
  readonly size: number;
  private readonly grads: Tensor[];

  constructor(
    private readonly gpu: Gpu,
    readonly group: number,
    readonly lrFactor: number,
    readonly parameters: readonly Parameter[],
    storage: MomentStorage,
  ) {
    this.size = parameters.reduce((sum, p) => sum + paddedSize(p, storage), 0);
    this.value = this.zeros('weights');
    this.gradient = this.zeros('gradients');
    this.moments = makeMoments(gpu, this.size, storage);
    let offset = 0;
    this.grads = parameters.map((p) => {
      const grad = this.adopt(p, offset);
      offset += paddedSize(p, storage);
      return grad;
    });
    this.value.release(); // from now on the parameters hold it
  }

  binding(storage: Storage): Binding {
    return { block: storage.block, offset: 0, bytes: 4 * this.size };
  }

  /** Ranges of elements, each no larger than one binding, starting at multiples of `unit`. */
  parts(unit: number): { readonly start: number; readonly size: number }[] {
    const most = Math.max(unit, Math.floor(this.gpu.memory.bindingLimit / 4 / unit) * unit);
    return Array.from({ length: Math.ceil(this.size / most) }, (_, i) => ({
      start: i * most,
      size: Math.min(most, this.size - i * most),
    }));
  }

  /**
   * Throws ConfigError where a parameter's gradient or values are no longer the ones that a step reads and writes: it
   * would train nothing.
   */
  requireWhole(): void {
    this.parameters.forEach((p, i) => {
      if (p.grad !== this.grads[i])
        throw new ConfigError(
          `adamw: the gradient of '${p.name}' was ${p.grad ? 'replaced' : 'removed'}, so the step would not use it; start a new sum with zeroGrad().`,
        );
    });
  }

  /** Frees the gradients and moments; the parameters keep their values and are frozen. */
  dispose(): void {
    this.parameters.forEach((p, i) => {
      taken.delete(p);
      if (p.grad !== this.grads[i]) return;
      p.grad = null;
      p.requiresGrad = false;
    });
    this.gradient.release();
    this.moments.release();
  }

  private zeros(purpose: Purpose): Storage {
    const storage = new Storage(this.gpu.memory.acquire(4 * this.size, purpose), this.gpu.memory);
    this.gpu.stream.clear(this.binding(storage), 4 * this.size);
    return storage;
  }

  /** Moves a parameter's values into the flat buffer and hands it its part of the gradient. */
  private adopt(parameter: Parameter, offset: number): Tensor {
    const { gpu, shape, storage } = parameter;
    const bytes = 4 * parameter.size;
    if (bytes > 0)
      gpu.stream.copy(
        { block: storage.block, offset: 4 * parameter.offset, bytes },
        { block: this.value.block, offset: 4 * offset, bytes },
        bytes,
      );
    moveSaved(parameter, storage.block, this.value.block, 4 * offset);
    storage.release();
    this.value.hold();
    taken.add(parameter);
    parameter.storage = this.value;
    parameter.offset = offset;
    const grad = new Tensor(this.gpu, shape, 'f32', this.gradient, { strides: parameter.strides, offset });
    parameter.grad = grad;
    parameter.requiresGrad = true;
    return grad;
  }
}

/** Parameters that an optimizer trains now. */
const taken = new WeakSet<Parameter>();

const paddedSize = ({ size }: Parameter, storage: MomentStorage): number =>
  Math.ceil(size / ALIGNMENT[storage]) * ALIGNMENT[storage];

/**
 * Before anything is moved: throws ConfigError for a parameter that an optimizer trains already, or that is given
 * twice, DTypeError for a packed one.
 */
function requireTrainable(parameters: readonly Parameter[], groups: Trainable): void {
  const seen = new Set<Parameter>();
  for (const p of parameters) {
    if (groupOf(p.name, groups) < 0) continue;
    if (p.dtype !== 'f32')
      throw new DTypeError(
        `adamw: '${p.name}' is ${p.dtype} and cannot be trained; load it as f32, or exclude it from the patterns of groups.`,
      );
    if (taken.has(p))
      throw new ConfigError(
        `adamw: '${p.name}' is trained by another optimizer; dispose() that one first, or exclude it from the patterns of groups.`,
      );
    if (seen.has(p)) throw new ConfigError(`adamw: '${p.name}' is given twice; give each parameter once.`);
    seen.add(p);
  }
}

/**
 * Gathers the parameters that `groups` name, group by group, in buffers no larger than one binding; a parameter that is
 * larger has one to itself. Those too small for 8-bit moments have buffers of their own.
 */
export function flatten(
  gpu: Gpu,
  parameters: readonly Parameter[],
  groups: Trainable,
  moments: MomentStorage = 'f32',
): Segment[] {
  requireTrainable(parameters, groups);
  return groups.flatMap(([, factor], group) =>
    MOMENT_STORAGES.flatMap((storage) => {
      const members = parameters.filter(
        (p) => groupOf(p.name, groups) === group && momentsOf(p.size, moments) === storage,
      );
      return portions(members, storage, gpu.memory.bindingLimit).map(
        (portion) => new Segment(gpu, group, factor, portion, storage),
      );
    }),
  );
}

/** Parameters in order, as many together as one binding holds. */
function portions(members: readonly Parameter[], storage: MomentStorage, limit: number): Parameter[][] {
  const all: Parameter[][] = [];
  let bytes = Infinity;
  for (const p of members) {
    const more = 4 * paddedSize(p, storage);
    if (bytes + more > limit) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)!.push(p);
    bytes += more;
  }
  return all;
}
