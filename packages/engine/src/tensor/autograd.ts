/** @file The tape: nodes that know how to send a gradient back, and the walk over them. */
import type { Abandonable, Storage } from '../gpu/arena.ts';
import { ShapeError } from '../gpu/errors.ts';
import { accumulate, addInto } from './accumulate.ts';
import { contiguous } from './copy.ts';
import { sameShape, showShape } from './shape.ts';
import { Tensor, empty, full } from './tensor.ts';

let enabled = true;
let nextId = 0;

/** Runs `fn` without recording: nothing is saved for a backward pass. Must not be async. */
export function noGrad<T>(fn: () => T): T {
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

export const isGradEnabled = (): boolean => enabled;

/** Whether an op on these inputs must be recorded. */
export const isRecording = (inputs: readonly (Tensor | null)[]): boolean => enabled && inputs.some((x) => x?.requiresGrad);

export type Backward = (dy: Tensor) => readonly (Tensor | null)[];

export class TapeNode implements Abandonable {
  readonly id = nextId++;
  done = false;

  /** @param saved storages that must live until this node has run */
  constructor(readonly name: string, readonly inputs: readonly (Tensor | null)[], private readonly saved: readonly Storage[], readonly backward: Backward) {
    for (const storage of saved) {
      storage.hold();
      storage.isSaved = true;
    }
  }

  /** Lets go what was saved; a second backward through it is an error. */
  abandon(): void {
    if (this.done) return;
    this.done = true;
    for (const storage of this.saved) storage.release();
  }
}

/** Records how `output` came from `inputs`. */
export function record(name: string, output: Tensor, inputs: readonly (Tensor | null)[], saved: readonly Storage[], backward: Backward): void {
  const node = new TapeNode(name, inputs, saved, backward);
  output.requiresGrad = true;
  output.node = node;
  output.gpu.arena.watch(node);
}

interface Pending { value: Tensor; /** made here, so it may be added to in place */ owned: boolean }

/**
 * Sends the gradient `seed` (1 for a scalar) of `output` back to every leaf that requires one; leaf gradients add up in `leaf.grad`.
 * Saved tensors are freed as the walk passes. Throws ShapeError when `output` is no scalar and no seed is given.
 */
export function backward(output: Tensor, seed?: Tensor): void {
  if (!output.requiresGrad) throw new ShapeError(`backward: the tensor of shape ${showShape(output.shape)} does not depend on anything that requires a gradient.`);
  if (!seed && output.size !== 1) throw new ShapeError(`backward: the tensor is ${showShape(output.shape)}; give its gradient, or reduce it to one element.`);
  if (seed && !sameShape(seed.shape, output.shape)) throw new ShapeError(`backward: the gradient is ${showShape(seed.shape)} and the tensor ${showShape(output.shape)}; they must be equal.`);
  const { gpu } = output;
  const grads = new Map<Tensor, Pending>();
  gpu.scope(() => noGrad(() => {
    give(grads, output, seed ?? full(gpu, output.shape, 1));
    for (const [node, made] of nodesBehind(output)) {
      const pending = grads.get(made);
      if (pending) {
        grads.delete(made);
        gpu.arena.open();
        const back = node.backward(pending.value);
        node.inputs.forEach((input, i) => {
          const dx = back[i];
          if (input?.requiresGrad && dx) give(grads, input, dx);
        });
        gpu.arena.close();
        pending.value.storage.release();
      }
      node.abandon();
      made.node = null;
    }
    for (const { value } of grads.values()) value.storage.release();
  }));
}

/** The nodes that `output` depends on, each with the tensor it made, last recorded first. */
function nodesBehind(output: Tensor): [TapeNode, Tensor][] {
  const found = new Map<TapeNode, Tensor>();
  const stack = [output];
  while (stack.length > 0) {
    const made = stack.pop()!;
    const { node } = made;
    if (!node || found.has(node)) continue;
    if (node.done) throw new ShapeError(`backward: the graph through ${node.name} was already used or its scope has ended; run the forward pass again.`);
    found.set(node, made);
    for (const input of node.inputs) if (input?.requiresGrad) stack.push(input);
  }
  return [...found].sort((a, b) => b[0].id - a[0].id);
}

/** Adds `dx` to what `input` has received so far. */
function give(grads: Map<Tensor, Pending>, input: Tensor, dx: Tensor): void {
  if (!sameShape(input.shape, dx.shape)) throw new ShapeError(`backward: a gradient of shape ${showShape(dx.shape)} was made for a tensor of shape ${showShape(input.shape)}; they must be equal.`);
  if (!input.node) return giveLeaf(input, dx);
  const pending = grads.get(input);
  if (!pending) {
    dx.storage.hold();
    grads.set(input, { value: dx, owned: false });
  } else if (pending.owned) {
    accumulate(pending.value, contiguous(dx));
  } else {
    const total = empty(dx.gpu, dx.shape);
    addInto(total, contiguous(pending.value), contiguous(dx));
    total.storage.hold();
    pending.value.storage.release();
    grads.set(input, { value: total, owned: true });
  }
}

/** A leaf's gradient outlives the scope; an optimiser's parameters have theirs in a flat buffer from the start. */
function giveLeaf(leaf: Tensor, dx: Tensor): void {
  if (leaf.grad) return accumulate(leaf.grad, contiguous(dx));
  const grad = empty(leaf.gpu, leaf.shape);
  addInto(grad, contiguous(dx), null);
  leaf.gpu.arena.keep(grad.storage);
  leaf.grad = grad;
}
