// Your own WGSL in place of one of Curio's kernels: checked against the op's truth, then swapped into a model that is
// training.
import {
  AdamW,
  backward,
  capture,
  crossEntropy,
  defineKernel,
  lineGrid,
  linear,
  log,
  openGpu,
  Parameter,
  RandomStream,
  softmax,
} from '@curio/engine';
import { checkKernel } from '@curio/engine/check';
/** @typedef {import('@curio/engine').Tensor} Tensor */

// The contract of the family `softmax` stands in kernels/rows/softmax_naive.wgsl: the names of buffers and params, and
// both directions in one file. This one reads each row once less: maximum and sum come out of one pass.
export const onlineSoftmax = /* wgsl */ `
struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> y_saved: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

const WG = 64u; // tune: 32u 64u 128u

// NaN by its bits: the exp of some drivers makes a number of it.
fn exp_of(v: f32) -> f32 { return select(exp(v), v, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u); }

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  var top = -0x1.fffffep+127f; // the least finite number: ∞ - ∞ would be NaN
  var total = 0.0;
  for (var i = begin; i < end; i++) {
    let higher = max(top, x[i]);
    total = total * exp(top - higher) + exp_of(x[i] - higher);
    top = higher;
  }
  for (var i = begin; i < end; i++) { y[i] = select(exp(x[i] - top) / total, 1.0 / f32(params.cols), total == 0.0); }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  var along = 0.0;
  for (var i = begin; i < end; i++) { along += y_saved[i] * dy[i]; }
  for (var i = begin; i < end; i++) { dx[i] = y_saved[i] * (dy[i] - along); }
}
`;

/** How many workgroups it takes; `plan` holds the sizes that the op computed. */
export const variantOf = (/** @type {string} */ code) => ({
  kernel: defineKernel('mine/online_softmax', code),
  tuning: () => ({ WG: '64u' }),
  grid: (/** @type {unknown} */ _, /** @type {{ rows: number }} */ { rows }) => lineGrid(Math.ceil(rows / 64)),
});

/**
 * Trains a gate over four experts, the first half with Curio's softmax, the second with ours. Returns the losses and
 * what ran.
 */
export async function main() {
  const gpu = await openGpu();
  const random = new RandomStream(1);
  const noise = (/** @type {number} */ count) => Float32Array.from({ length: count }, () => random.normal());
  const weight = new Parameter(gpu, 'gate', [4, 8], noise(32));
  const optimizer = new AdamW(gpu, [weight], { groups: [['gate', 1]], lr: 0.05 });
  const step = capture(gpu, 'step', (/** @type {{ x: Tensor, target: Tensor }} */ { x, target }) => {
    optimizer.zeroGrad();
    const loss = crossEntropy(log(softmax(linear(x, weight))), target);
    backward(loss);
    optimizer.update();
    return { loss };
  });
  const inputs = {
    x: { values: noise(64 * 8), shape: [64, 8] },
    target: { values: Int32Array.from({ length: 64 }, (_, i) => i % 4), shape: [64] },
  };

  /** @type {number[]} */
  const losses = [];
  const train = async () => {
    for (let i = 0; i < 20; i++) {
      optimizer.beginStep(0.05);
      losses.push(await step.run(inputs).loss.item());
    }
  };
  await train();

  const mine = variantOf(onlineSoftmax);
  const verdict = await checkKernel(gpu, { op: 'softmax', variant: mine });
  if (!verdict.ok) throw new Error(verdict.message);
  gpu.kernels.replacements.useVariant('softmax', 'online', mine); // the step is recorded anew by itself
  await train();

  const ran = gpu.pipelines.labels.filter((label) => label.startsWith('mine/'));
  gpu.close();
  return { verdict, losses, ran };
}
