/** @file The tape: nodes that know how to send a gradient back, and the walk over them. */
import type { Abandonable, Storage } from '../gpu/memory/arena.ts';
import { noteStep } from '../gpu/memory/loose-steps.ts';
import { SavedPart } from '../gpu/memory/saved-part.ts';
import { DTypeError, ShapeError } from '../gpu/errors.ts';
import { requireSync } from '../gpu/sync.ts';
import { accumulate, addInto } from './accumulate.ts';
import { contiguous, countedCopy } from './copy.ts';
import { sameShape, showShape } from './shape.ts';
import { empty, full, requireTensors } from './tensor.ts';
import type { TapeNode, Tensor, Totals } from './tensor.ts';

let enabled = true;
let nextId = 0;

/** Runs `fn` without recording: nothing is saved for a backward pass. Must not be async. */
export function noGrad<T>(fn: () => T): T {
  requireSync('noGrad', fn);
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/** Runs `fn` with recording, also inside `noGrad`: what `checkpoint` recomputes with. */
export function withGrad<T>(fn: () => T): T {
  const before = enabled;
  enabled = true;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/** The id of the node that is recorded next. */
export const nextNode = (): number => nextId;

export const isGradEnabled = (): boolean => enabled;

/** Whether an op on these inputs must be recorded. */
export const isRecording = (inputs: readonly (Tensor | null)[]): boolean =>
  enabled && inputs.some((x) => x?.requiresGrad);

/**
 * Receives the gradient of each output, null where none was sent back; returns that of each input, or its total if it
 * has added to that.
 */
export type Backward = (dys: readonly (Tensor | null)[], totals: Totals) => readonly (Tensor | null)[];

interface Saved {
  readonly tensor: Tensor;
  /** Where it lay when it was saved: an optimizer may have moved it. */
  readonly storage: Storage;
  readonly part: SavedPart;
}

/** A tensor in a message: a parameter by its name. */
const describe = (x: Tensor): string =>
  `${'name' in x ? `'${x.name as string}' ` : 'its '}${x.dtype} ${showShape(x.shape)}`;

class RecordedOp implements TapeNode, Abandonable {
  readonly id = nextId++;
  done = false;
  isPast = false;
  private saved: readonly Saved[];

  /** @param saved tensors that must live, and stay as they are, until this node has run */
  constructor(
    readonly name: string,
    public inputs: readonly (Tensor | null)[],
    public outputs: readonly Tensor[],
    saved: readonly Tensor[],
    private back: Backward | null,
  ) {
    this.saved = saved.map((tensor) => {
      const { storage } = tensor;
      storage.hold();
      storage.isSaved = true;
      const { block, offset, bytes } = tensor.binding;
      return { tensor, storage, part: new SavedPart(block, offset, bytes, tensor) };
    });
  }

  backward(dys: readonly (Tensor | null)[], totals: Totals = () => null): readonly (Tensor | null)[] {
    for (const { tensor, part } of this.saved)
      if (part.writer !== null)
        throw new ShapeError(
          `backward: ${this.name} needs ${describe(tensor)} as it was, and ${part.writer} has changed it since; change it after backward, or run the forward pass again.`,
        );
    const gradients = this.back!(dys, totals);
    if (gradients.length !== this.inputs.length)
      throw new ShapeError(
        `${this.name}: backward returned ${gradients.length} gradients for ${this.inputs.length} inputs; it must return one for each, null if none is needed.`,
      );
    return gradients;
  }

  abandon(isPast = false): void {
    if (this.done) return;
    this.done = true;
    this.isPast = isPast;
    for (const { storage, part } of this.saved) {
      part.letGo();
      storage.release();
    }
    this.saved = this.inputs = this.outputs = [];
    this.back = null;
  }
}

/** Records how `output` came from `inputs`. */
export const record = (
  name: string,
  output: Tensor,
  inputs: readonly (Tensor | null)[],
  saved: readonly Tensor[],
  backward: (dy: Tensor, totals: Totals) => readonly (Tensor | null)[],
): void => recordAll(name, [output], inputs, saved, ([dy], totals) => backward(dy!, totals));

/** Records how `outputs` came from `inputs` at once. */
export function recordAll(
  name: string,
  outputs: readonly Tensor[],
  inputs: readonly (Tensor | null)[],
  saved: readonly Tensor[],
  backward: Backward,
): void {
  const node = new RecordedOp(name, inputs, outputs, saved, backward);
  for (const output of outputs) {
    output.requiresGrad = true;
    output.node = node;
  }
  outputs[0]!.gpu.arena.watch(node);
}

interface Pending {
  value: Tensor /** nobody else knows it, so it may be added to in place */;
  owned: boolean;
}

/**
 * Sends the gradient `seed` (1 for a scalar) of `output` back to every leaf that requires one; leaf gradients add up in
 * `leaf.grad`.
 * Saved tensors are freed as the walk passes, so a graph can be walked once. Throws ShapeError when `output` depends on
 * no leaf that requires a gradient, when it is not a scalar and no seed is given, when the seed's shape differs, when
 * the graph was walked before or its scope has ended, and when something that it needs was written over since.
 */
export function backward(output: Tensor, seed?: Tensor): void {
  requireTensors('backward', output, ...(seed === undefined ? [] : [seed]));
  if (!output.requiresGrad)
    throw new ShapeError(
      `backward: the tensor of shape ${showShape(output.shape)} does not depend on anything that requires a gradient.`,
    );
  if (!seed && output.size !== 1)
    throw new ShapeError(
      `backward: the tensor is ${showShape(output.shape)}; give its gradient, or reduce it to one element.`,
    );
  if (seed && !sameShape(seed.shape, output.shape))
    throw new ShapeError(
      `backward: the gradient is ${showShape(seed.shape)} and the tensor ${showShape(output.shape)}; they must be equal.`,
    );
  if (seed && seed.dtype !== 'f32') throw new DTypeError(`backward: the gradient is ${seed.dtype}; it must be f32.`);
  noteStep(output.gpu);
  walkBack(output, seed ?? null);
}

/** The walk itself. Nodes recorded before `first` belong to another walk: `checkpoint` must not pass into them. */
export function walkBack(output: Tensor, seed: Tensor | null, first = 0): void {
  const { gpu } = output;
  const nodes = nodesBehind(output, first);
  const grads = new Map<Tensor, Pending>();
  try {
    gpu.scope(() =>
      noGrad(() => {
        give(grads, 'backward', output, seed ?? full(gpu, output.shape, 1));
        for (const node of nodes) {
          const { outputs } = node;
          const dys = outputs.map((made) => grads.get(made)?.value ?? null);
          if (dys.some((dy) => dy)) {
            gpu.scope(() => {
              const totals: Totals = (i) => totalOf(grads, node.inputs[i] ?? null);
              const back = node.backward(dys, totals);
              const once = (dx: Tensor): boolean => back.filter((other) => other?.storage === dx.storage).length === 1;
              node.inputs.forEach((input, i) => {
                const dx = back[i];
                if (input?.requiresGrad && dx && dx !== totals(i))
                  give(grads, node.name, input, dx, once(dx) && gpu.arena.isFresh(dx.storage));
              });
            });
            for (const made of outputs) grads.delete(made);
            for (const dy of dys) dy?.storage.release();
          }
          node.abandon();
        }
      }),
    );
  } finally {
    for (const { value } of grads.values()) value.storage.release();
  }
}

/** The nodes that `output` depends on, last recorded first. */
function nodesBehind(output: Tensor, first: number): TapeNode[] {
  const found = new Set<TapeNode>();
  const stack = [output];
  while (stack.length > 0) {
    const { node } = stack.pop()!;
    if (!node || found.has(node)) continue;
    if (node.done)
      throw new ShapeError(
        node.isPast
          ? 'backward: the scope of the forward pass has ended, and what it saved is freed; call backward inside that scope.'
          : 'backward: it has already run on a part of this graph, and what that saved is freed; add the losses and call backward once, or run the forward pass again.',
      );
    if (node.id < first)
      throw new ShapeError(
        `checkpoint: its function uses a result of ${node.name} that requires a gradient and is not among its inputs; give it as an input.`,
      );
    found.add(node);
    for (const input of node.inputs) if (input?.requiresGrad) stack.push(input);
  }
  return [...found].sort((a, b) => b.id - a.id);
}

/** What an op may add to. */
function totalOf(grads: Map<Tensor, Pending>, input: Tensor | null): Tensor | null {
  if (!input?.requiresGrad) return null;
  const pending = grads.get(input);
  const total = input.node ? (pending?.owned ? pending.value : null) : input.grad;
  return total?.isDense && total.bindingOffset === 0 ? total : null;
}

/** Adds `dx` to what `input` has received so far; `isOurs` says that it may be added to in place. */
function give(grads: Map<Tensor, Pending>, from: string, input: Tensor, dx: Tensor, isOurs = false): void {
  if (!sameShape(input.shape, dx.shape))
    throw new ShapeError(
      `${from}: backward returned a gradient of shape ${showShape(dx.shape)} for a tensor of shape ${showShape(input.shape)}; they must be equal.`,
    );
  if (!input.node) return giveLeaf(from, input, dx);
  const pending = grads.get(input);
  if (!pending) {
    dx.storage.hold();
    grads.set(input, { value: dx, owned: isOurs && dx.isDense });
  } else if (pending.owned) {
    accumulate(pending.value, contiguous(from, dx));
  } else {
    const total = empty(dx.gpu, dx.shape);
    addInto(total, contiguous(from, pending.value), contiguous(from, dx));
    total.storage.hold();
    pending.value.storage.release();
    grads.set(input, { value: total, owned: true });
  }
}

/** A leaf's gradient outlives the scope; an optimizer's parameters have theirs in a flat buffer from the start. */
function giveLeaf(from: string, leaf: Tensor, dx: Tensor): void {
  if (leaf.grad) return accumulate(leaf.grad, contiguous(from, dx));
  const grad = dx.isDense ? empty(leaf.gpu, leaf.shape) : countedCopy(from, dx);
  if (dx.isDense) addInto(grad, dx, null);
  leaf.gpu.arena.keep(grad.storage);
  leaf.grad = grad;
}
