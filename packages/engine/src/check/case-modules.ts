// Generated from packages/engine/src/ops/*/*.cases.ts by npm run codegen. Do not edit.
import * as attentionAttention from '../ops/attention/attention.cases.ts';
import * as attentionRotaryEmbedding from '../ops/attention/rotary-embedding.cases.ts';
import * as castCast from '../ops/cast/cast.cases.ts';
import * as composedArrange from '../ops/composed/arrange.cases.ts';
import * as composedLinearCrossEntropy from '../ops/composed/linear-cross-entropy.cases.ts';
import * as composedStatistics from '../ops/composed/statistics.cases.ts';
import * as elementwiseBinary from '../ops/elementwise/binary.cases.ts';
import * as elementwiseClassify from '../ops/elementwise/classify.cases.ts';
import * as elementwiseCompare from '../ops/elementwise/compare.cases.ts';
import * as elementwiseUnary from '../ops/elementwise/unary.cases.ts';
import * as indexEmbedding from '../ops/index/embedding.cases.ts';
import * as indexGather from '../ops/index/gather.cases.ts';
import * as indexIndexSelect from '../ops/index/index-select.cases.ts';
import * as layoutCat from '../ops/layout/cat.cases.ts';
import * as layoutPad from '../ops/layout/pad.cases.ts';
import * as layoutViews from '../ops/layout/views.cases.ts';
import * as matmulLinear from '../ops/matmul/linear.cases.ts';
import * as matmulLoraLinear from '../ops/matmul/lora-linear.cases.ts';
import * as matmulMatmul from '../ops/matmul/matmul.cases.ts';
import * as prototypePrototypeCluster from '../ops/prototype/prototype-cluster.cases.ts';
import * as randomDropout from '../ops/random/dropout.cases.ts';
import * as reduceReductions from '../ops/reduce/reductions.cases.ts';
import * as rowsCrossEntropy from '../ops/rows/cross-entropy.cases.ts';
import * as rowsLayerNorm from '../ops/rows/layer-norm.cases.ts';
import * as rowsLogSoftmax from '../ops/rows/log-softmax.cases.ts';
import * as rowsRmsNorm from '../ops/rows/rms-norm.cases.ts';
import * as rowsSoftmax from '../ops/rows/softmax.cases.ts';
import * as windowConv2d from '../ops/window/conv2d.cases.ts';

export const caseModules = [
  attentionAttention,
  attentionRotaryEmbedding,
  castCast,
  composedArrange,
  composedLinearCrossEntropy,
  composedStatistics,
  elementwiseBinary,
  elementwiseClassify,
  elementwiseCompare,
  elementwiseUnary,
  indexEmbedding,
  indexGather,
  indexIndexSelect,
  layoutCat,
  layoutPad,
  layoutViews,
  matmulLinear,
  matmulLoraLinear,
  matmulMatmul,
  prototypePrototypeCluster,
  randomDropout,
  reduceReductions,
  rowsCrossEntropy,
  rowsLayerNorm,
  rowsLogSoftmax,
  rowsRmsNorm,
  rowsSoftmax,
  windowConv2d,
];
