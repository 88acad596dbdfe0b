/** @file The truth of every op, by name: what tests, benches and the workbench run, and what a user's own kernel is held against. */
import * as arrange from '../ops/composed/arrange.cases.ts';
import * as attention from '../ops/attention/attention.cases.ts';
import * as binary from '../ops/elementwise/binary.cases.ts';
import * as cast from '../ops/cast/cast.cases.ts';
import * as cat from '../ops/layout/cat.cases.ts';
import * as classify from '../ops/elementwise/classify.cases.ts';
import * as compare from '../ops/elementwise/compare.cases.ts';
import * as conv2d from '../ops/window/conv2d.cases.ts';
import * as crossEntropy from '../ops/rows/cross-entropy.cases.ts';
import * as dropout from '../ops/random/dropout.cases.ts';
import * as embedding from '../ops/index/embedding.cases.ts';
import * as gather from '../ops/index/gather.cases.ts';
import * as indexSelect from '../ops/index/index-select.cases.ts';
import * as layerNorm from '../ops/rows/layer-norm.cases.ts';
import * as linear from '../ops/matmul/linear.cases.ts';
import * as logSoftmax from '../ops/rows/log-softmax.cases.ts';
import * as loraLinear from '../ops/matmul/lora-linear.cases.ts';
import * as matmul from '../ops/matmul/matmul.cases.ts';
import * as pad from '../ops/layout/pad.cases.ts';
import * as prototypeCluster from '../ops/prototype/prototype-cluster.cases.ts';
import * as reductions from '../ops/reduce/reductions.cases.ts';
import * as rmsNorm from '../ops/rows/rms-norm.cases.ts';
import * as rotaryEmbedding from '../ops/attention/rotary-embedding.cases.ts';
import * as softmax from '../ops/rows/softmax.cases.ts';
import * as statistics from '../ops/composed/statistics.cases.ts';
import * as unary from '../ops/elementwise/unary.cases.ts';
import * as views from '../ops/layout/views.cases.ts';
import { CurioError } from '../gpu/errors.ts';
import type { OpCases } from '../truth/cases.ts';

const modules = [
  arrange, attention, binary, cast, cat, classify, compare, conv2d, crossEntropy, dropout, embedding, gather, indexSelect, layerNorm, linear, logSoftmax,
  loraLinear, matmul, pad, prototypeCluster, reductions, rmsNorm, rotaryEmbedding, softmax, statistics, unary, views,
];

/** Every op's table. The attributes of each are its own, which is why they are `never` here: a table is only ever run with its own cases. */
export const opTables = modules.flatMap((module) => Object.values(module)) as unknown as readonly OpCases<never>[];

/** The table of an op. Throws CurioError for an unknown name. */
export function opTable(op: string): OpCases<never> {
  const table = opTables.find((each) => each.op === op);
  if (!table) throw new CurioError(`check: there is no op '${op}'; there are ${opTables.map((each) => each.op).join(', ')}.`);
  return table;
}
