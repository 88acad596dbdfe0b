/** @file jax-js: every function consumes its arguments unless `.ref` is passed; steps are compiled by its jit. */
import { ADAM } from '../../src/steps/step-spec.ts';
import type { StepSpec } from '../../src/steps/step-spec.ts';
import { BATCH, HEAD, HEADS, TOKENS, WIDTH } from '../../src/steps/gpt-block.ts';
import type { Job, Peer, Values } from './peer.ts';

/** The part of its API that is used. */
interface A {
  readonly ref: A;
  dispose(): void;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<A>;
  reshape(shape: readonly number[]): A;
  transpose(axes: readonly number[]): A;
  add(x: A | number): A;
  sub(x: A): A;
  mul(x: A | number): A;
  div(x: A): A;
  mean(): A;
  sum(): A;
}
type Tree = Record<string, A>;
interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): string;
  numpy: { array(values: Float32Array): A; matmul(a: A, b: A): A; square(x: A): A; sqrt(x: A): A; tanh(x: A): A };
  nn: {
    softmax(x: A, axis: number): A;
    relu(x: A): A;
    standardize(x: A, axis: number, options: { epsilon: number }): A;
    dotProductAttention(q: A, k: A, v: A, options: { isCausal: boolean }): A;
  };
  jit<F>(f: F): F & { dispose(): void };
  grad(f: (...x: A[]) => A, options: { argnums: number[] }): (...x: A[]) => A[];
  valueAndGrad(f: (p: Tree) => A): (p: Tree) => [A, Tree];
  tree: { ref<X>(x: X): X; dispose(x: unknown): void; leaves(x: unknown): A[] };
}

const flipHeads = (values: ArrayLike<number>, rows: number, cols: number, D: number): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++)
      for (let d = 0; d < D; d++) out[(c * rows + r) * D + d] = values[(r * cols + c) * D + d]!;
  return out;
};

export async function openJax(): Promise<Peer> {
  const name: string = '@jax-js/jax';
  const { init, defaultDevice, numpy: np, nn, jit, grad, valueAndGrad, tree } = (await import(name)) as Jax;
  if (!(await init('webgpu')).includes('webgpu')) throw new Error('its WebGPU backend did not start');
  defaultDevice('webgpu');
  const upload = ({ values, shape }: Values): A => np.array(values).reshape(shape);

  function job(held: readonly A[], make: () => readonly A[]): Job {
    let last: readonly A[] = [];
    const letGo = (): void => last.forEach((y) => y.dispose());
    return {
      run() {
        letGo();
        last = make();
      },
      async wait() {
        await Promise.all(last.map((y) => y.blockUntilReady()));
      },
      read: () => Promise.all(make().map((y) => y.data())),
      close() {
        letGo();
        held.forEach((x) => x.dispose());
      },
    };
  }

  const linear = (x: A, p: Tree, weight: string, bias: string): A =>
    np.matmul(x, p[weight]!.ref.transpose([1, 0])).add(p[bias]!.ref);
  const mlp = (x: A, p: Tree): A => linear(nn.relu(linear(x, p, 'w1', 'b1')), p, 'w2', 'b2');
  function gptBlock(x: A, p: Tree): A {
    const dense = (input: A, each: string): A => linear(input, p, `${each}.weight`, `${each}.bias`);
    const norm = (input: A, each: string): A =>
      nn.standardize(input, -1, { epsilon: 1e-5 }).mul(p[`${each}.weight`]!.ref).add(p[`${each}.bias`]!.ref);
    const heads = (input: A): A => input.reshape([BATCH, TOKENS, HEADS, HEAD]);
    const normed = norm(x.ref, 'ln1');
    const [q, k, v] = [dense(normed.ref, 'q'), dense(normed.ref, 'k'), dense(normed, 'v')].map(heads) as [A, A, A];
    const y = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([BATCH, TOKENS, WIDTH]);
    const middle = x.add(dense(y, 'o'));
    const up = dense(norm(middle.ref, 'ln2'), 'up');
    const cube = np.square(up.ref).mul(up.ref).mul(0.044715);
    const gate = np.tanh(up.ref.add(cube).mul(Math.sqrt(2 / Math.PI))).add(1);
    return middle.add(dense(up.mul(0.5).mul(gate), 'down'));
  }

  function attentionJob(inputs: readonly Values[], make: (held: A[]) => A[]): Job {
    const [, H, T, D] = inputs[0]!.shape as [number, number, number, number];
    // Its own layout is [B, T, H, D].
    const held = inputs.map(({ values }) => upload({ values: flipHeads(values, H, T, D), shape: [1, T, H, D] }));
    const inner = job(held, () => make(held));
    return { ...inner, read: async () => (await inner.read()).map((y) => flipHeads(y, T, H, D)) };
  }

  return {
    name,
    version: '0.1.25',
    matmul(a, b) {
      const [x, y] = [upload(a), upload(b)];
      return job([x, y], () => [np.matmul(x.ref, y.ref)]);
    },
    softmax(values) {
      const x = upload(values);
      const f = jit((a: A) => nn.softmax(a, -1));
      return job([x], () => [f(x.ref)]);
    },
    layerNorm(...inputs) {
      const held = inputs.map(upload) as [A, A, A];
      const f = jit((x: A, weight: A, bias: A) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight).add(bias));
      return job(held, () => [f(...(held.map((x) => x.ref) as [A, A, A]))]);
    },
    attention(...inputs) {
      const f = jit((q: A, k: A, v: A) => nn.dotProductAttention(q, k, v, { isCausal: false }));
      return attentionJob(inputs, (held) => [f(...(held.map((x) => x.ref) as [A, A, A]))]);
    },
    attentionGradients(...inputs) {
      const along = (q: A, k: A, v: A, dy: A): A => nn.dotProductAttention(q, k, v, { isCausal: false }).mul(dy).sum();
      const f = jit(grad(along as (...x: A[]) => A, { argnums: [0, 1, 2] }));
      return attentionJob(inputs, (held) => f(...held.map((x) => x.ref)));
    },
    step(spec: StepSpec) {
      const zeros = (): Tree =>
        Object.fromEntries(
          spec.parameters.map(({ name: each, shape, values }) => [
            each,
            upload({ values: new Float32Array(values.length), shape }),
          ]),
        );
      let [p, m, v] = [Object.fromEntries(spec.parameters.map((each) => [each.name, upload(each)])), zeros(), zeros()];
      const [x, target] = [upload(spec.x), upload(spec.target)];
      const net = spec.name === 'MLP' ? mlp : gptBlock;
      const update = jit(
        // biome-ignore lint/complexity/useMaxParams: jit traces arguments by position
        (p0: Tree, m0: Tree, v0: Tree, correct1: A, correct2: A, input: A, wanted: A): [A, Tree, Tree, Tree] => {
          const lossOf = (q: Tree): A => {
            const loss = np.square(net(input.ref, q).sub(wanted.ref)).mean();
            tree.dispose(q);
            return loss;
          };
          const [loss, g] = valueAndGrad(lossOf)(tree.ref(p0));
          const [p1, m1, v1]: [Tree, Tree, Tree] = [{}, {}, {}];
          for (const { name: each } of spec.parameters) {
            m1[each] = m0[each]!.mul(ADAM.beta1).add(g[each]!.ref.mul(1 - ADAM.beta1));
            v1[each] = v0[each]!.mul(ADAM.beta2).add(np.square(g[each]!).mul(1 - ADAM.beta2));
            const change = m1[each]!.ref.div(correct1.ref).div(np.sqrt(v1[each]!.ref.div(correct2.ref)).add(ADAM.eps));
            p1[each] = p0[each]!.sub(change.mul(ADAM.lr));
          }
          [correct1, correct2, input, wanted].forEach((each) => each.dispose());
          return [loss, p1, m1, v1];
        },
      );
      let steps = 0;
      let last: A | null = null;
      function once(): A {
        steps++;
        const correct = (beta: number): A => np.array(new Float32Array([1 - beta ** steps])).reshape([]);
        let loss: A;
        [loss, p, m, v] = update(p, m, v, correct(ADAM.beta1), correct(ADAM.beta2), x.ref, target.ref);
        return loss;
      }
      return {
        run() {
          last?.dispose();
          last = once();
        },
        async wait() {
          await Promise.all([last!, ...tree.leaves(p)].map((each) => each.blockUntilReady()));
        },
        read: async () => [await once().data()],
        close() {
          last?.dispose();
          tree.dispose([p, m, v]);
          [x, target].forEach((each) => each.dispose());
          update.dispose();
        },
      };
    },
  };
}
