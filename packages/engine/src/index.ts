/** @file The tensor library: a device, tensors on it, ops with gradients, optimisers. */
export { ConfigError, CurioError, DataError, DeviceError, DTypeError, KernelError, ShapeError, WeightError } from './gpu/errors.ts';
export { ceilDiv, lineGrid } from './gpu/grid.ts';
export { openGpu } from './gpu/open.ts';
export { fixedSubgroupSize } from './gpu/variant.ts';
export type { AdapterReport } from './gpu/adapter.ts';
export type { Gpu, GpuOptions } from './gpu/gpu.ts';
export type { KernelSource, Tuning } from './gpu/kernel.ts';
export type { MemoryReport } from './gpu/memory.ts';
export type { Binding, Grid } from './gpu/stream.ts';
export type { Family, Variant } from './gpu/variant.ts';

export { backward, isGradEnabled, noGrad } from './tensor/autograd.ts';
export { checkpoint } from './tensor/checkpoint.ts';
export { byteLength, isPacked } from './tensor/dtype.ts';
export type { DType, HostArray } from './tensor/dtype.ts';
export { defineOp } from './tensor/op.ts';
export type { Dispatch, Inputs, LayoutNeed, OpSpec, Run, Saved } from './tensor/op.ts';
export { Parameter } from './tensor/parameter.ts';
export { philox4x32, RandomStream, unitFloat } from './tensor/philox.ts';
export { broadcastShapes, denseStrides, resolveAxis, sameShape, showShape, sizeOf } from './tensor/shape.ts';
export type { Shape } from './tensor/shape.ts';
export { arange, empty, full, keep, ones, Tensor, tensor, zeros } from './tensor/tensor.ts';
export type { Quantisation } from './tensor/tensor.ts';

export { scaledDotProductAttention } from './ops/attention.ts';
export type { AttentionOptions } from './ops/attention.ts';
export { add, div, maximum, minimum, mul, sub } from './ops/binary.ts';
export { eq, ge, gt, le, lt, ne } from './ops/compare.ts';
export { crossEntropy } from './ops/cross-entropy.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { rmsNorm } from './ops/rms-norm.ts';
export { rotaryEmbedding } from './ops/rotary-embedding.ts';
export type { RotaryOptions } from './ops/rotary-embedding.ts';
export { softmax } from './ops/softmax.ts';
export { swiglu } from './ops/swiglu.ts';
export { abs, affine, exp, gelu, geluTanh, log, neg, pow, quickGelu, relu, rsqrt, sigmoid, silu, sqrt, tanh } from './ops/unary.ts';
export { dense, detach, expand, permute, reshape, slice, squeeze, transpose, unsqueeze } from './ops/views.ts';
export { where } from './ops/where.ts';
