/** @file The tensor library: a device, tensors on it, ops with gradients, optimizers. */
export {
  ConfigError,
  CurioError,
  DataError,
  DeviceError,
  DTypeError,
  KernelError,
  ShapeError,
  TrainError,
  WeightError,
} from './gpu/errors.ts';
export { ceilDiv, lineGrid } from './gpu/kernel/grid.ts';
export { defineKernel } from './gpu/kernel/kernel.ts';
export { openGpu } from './gpu/open.ts';
export { precompile } from './gpu/precompile.ts';
export { fixedSubgroupSize } from './gpu/kernel/variant.ts';
export type { StepBytes } from './gpu/stream/capture.ts';
export type { AdapterReport } from './gpu/adapter.ts';
export type { Gpu, GpuOptions } from './gpu/gpu.ts';
export type { KernelSource, Tuning } from './gpu/kernel/kernel.ts';
export { showBytes } from './gpu/memory/memory.ts';
export type { Binding, Purpose } from './gpu/memory/block.ts';
export type { MemoryReport } from './gpu/memory/memory.ts';
export type { Grid } from './gpu/kernel/grid.ts';
export { deviceTime } from './gpu/stream/device-time.ts';
export type { KnownGpu } from './gpu/kernel/known-gpus.ts';
export type { Measured, TuningRecord, TuningStore } from './gpu/kernel/tuner.ts';
export type { Family, KernelDevice, Variant } from './gpu/kernel/variant.ts';

export { backward, isGradEnabled, noGrad } from './tensor/autograd.ts';
export { capture, CapturedStep, StepPlan, upload } from './tensor/capture.ts';
export type { CaptureOptions, HostTensor, HostTensors, NamedTensors, RecordReport } from './tensor/capture.ts';
export { checkpoint } from './tensor/checkpoint.ts';
export { arange, eye, linspace } from './tensor/create.ts';
export { findNonFinite } from './tensor/find-non-finite.ts';
export { byteLength, isPacked } from './tensor/dtype.ts';
export { editDistance, suggestName, nearest } from './tensor/near-names.ts';
export type { DType, HostArray } from './tensor/dtype.ts';
export { defineMultiOp, defineOp } from './tensor/op.ts';
export type { Dispatch, Inputs, LayoutNeed, MultiOpSpec, OpSpec, Run, Saved } from './tensor/op.ts';
export { Parameter } from './tensor/parameter.ts';
export { philox4x32, RandomStream, unitFloat } from './tensor/philox.ts';
export { broadcastShapes, denseStrides, resolveAxis, sameShape, showShape, sizeOf } from './tensor/shape.ts';
export type { Shape } from './tensor/shape.ts';
export { empty, full, keep, ones, Tensor, tensor, zeros } from './tensor/tensor.ts';
export type { Quantisation } from './tensor/tensor.ts';
export type { NestedNumbers } from './tensor/host-values.ts';

export { adaptiveAvgPool1d } from './ops/window/adaptive-avg-pool1d.ts';
export { scaledDotProductAttention } from './ops/attention/attention.ts';
export type { AttentionOptions } from './ops/attention/attention.ts';
export { add, div, maximum, minimum, mul, sub } from './ops/elementwise/binary.ts';
export { cast } from './ops/cast/cast.ts';
export type { CastOptions } from './ops/cast/cast.ts';
export { enableSubgroupMatrix, subgroupMatrixFault } from './ops/composed/enable-subgroup-matrix.ts';
export { flip, oneHot, repeat, roll, tril, triu } from './ops/composed/arrange.ts';
export { cat, split, stack } from './ops/layout/cat.ts';
export { isFinite, isInf, isNaN } from './ops/elementwise/classify.ts';
export {
  all,
  any,
  eq,
  ge,
  gt,
  le,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  lt,
  ne,
} from './ops/elementwise/compare.ts';
export { conv2d, unfold } from './ops/window/conv2d.ts';
export type { WindowOptions } from './ops/window/conv2d.ts';
export { crossEntropy } from './ops/rows/cross-entropy.ts';
export type { CrossEntropyOptions } from './ops/rows/cross-entropy.ts';
export { cumsum } from './ops/reduce/cumsum.ts';
export { dropout } from './ops/random/dropout.ts';
export { embedding } from './ops/index/embedding.ts';
export { gather, scatterAdd } from './ops/index/gather.ts';
export { groupNorm } from './ops/composed/group-norm.ts';
export { indexSelect } from './ops/index/index-select.ts';
export { layerNorm } from './ops/rows/layer-norm.ts';
export { linear } from './ops/matmul/linear.ts';
export { logSoftmax } from './ops/rows/log-softmax.ts';
export { binaryCrossEntropyWithLogits, l1Loss, mseLoss } from './ops/composed/losses.ts';
export { linearCrossEntropy } from './ops/composed/linear-cross-entropy.ts';
export type { LinearCrossEntropyOptions } from './ops/composed/linear-cross-entropy.ts';
export { loraLinear } from './ops/matmul/lora-linear.ts';
export type { LoraOptions } from './ops/matmul/lora-linear.ts';
export { loraLinears } from './ops/matmul/lora-linears.ts';
export type { LoraLayer } from './ops/matmul/lora-linears.ts';
export { matmul } from './ops/matmul/matmul.ts';
export type { MatmulOptions } from './ops/matmul/matmul.ts';
export { pad } from './ops/layout/pad.ts';
export { avgPool2d, maxPool2d } from './ops/window/pool2d.ts';
export { stepWork } from './profile/work.ts';
export type { StepWork } from './profile/work.ts';
export { chromeTrace, profile, startProfile, summarise } from './profile/profile.ts';
export type { KernelTime, Profile, ProfiledDispatch, ProfileSummary, Roofs } from './profile/profile.ts';
export type { PoolOptions } from './ops/window/pool2d.ts';
export { prototypeCluster } from './ops/prototype/prototype-cluster.ts';
export type { PrototypeAssignment, PrototypeClusterOptions, PrototypeWeights } from './ops/prototype/plan.ts';
export { randomBits, randomNormal, randomUniform } from './ops/random/random.ts';
export { norm } from './ops/reduce/norm.ts';
export { argmax, argmin, max, mean, min, sum } from './ops/reduce/reductions.ts';
export type { ArgOptions, ReduceOptions } from './ops/reduce/reductions.ts';
export { rmsNorm } from './ops/rows/rms-norm.ts';
export { rotaryEmbedding, rotaryEmbeddings } from './ops/attention/rotary-embedding.ts';
export type { RotaryOptions } from './ops/attention/rotary-embedding.ts';
export { softmax } from './ops/rows/softmax.ts';
export { canNest, SCALE_BLOCK } from './ops/parts/nested-scales.ts';
export { openPackedStore, openStore, reserveScales, store } from './ops/cast/store.ts';
export type { HalfWords, StoreOptions, StoreWriter } from './ops/cast/store.ts';
export { logSumExp, std, variance } from './ops/composed/statistics.ts';
export type { VarianceOptions } from './ops/composed/statistics.ts';
export { swiglu } from './ops/elementwise/swiglu.ts';
export { topk } from './ops/index/topk.ts';
export {
  abs,
  affine,
  ceil,
  clamp,
  cos,
  elu,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  geluTanh,
  leakyRelu,
  log,
  log1p,
  neg,
  pow,
  quickGelu,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  tanh,
} from './ops/elementwise/unary.ts';
export { assignAt } from './ops/layout/assign-at.ts';
export {
  assignSlice,
  dense,
  detach,
  expand,
  permute,
  reshape,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from './ops/layout/views.ts';
export { where } from './ops/elementwise/where.ts';

export { AdamW } from './optim/adamw.ts';
export type { AdamWOptions, AdamWState, StoredAdamWState } from './optim/adamw.ts';
export { checkGroups } from './optim/groups.ts';
export type { Trainable } from './optim/groups.ts';
export { MOMENT_STORAGES } from './optim/moments.ts';
export type { Moment, MomentPair, MomentStorage, QuantisedMoment } from './optim/moments.ts';
export { cosineSchedule } from './optim/schedule.ts';
