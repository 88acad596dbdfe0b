/** @file The references of ops, for tests, benchmarks and users' own ops: `@curio/engine/check`. */
export { defineCases, labelOf, specOf } from '../truth/cases.ts';
export type { BenchShape, Case, InputSpec, OpCases } from '../truth/cases.ts';
export { checkCase, TOLERANCE } from './check-case.ts';
export type { Verdict } from './check-case.ts';
export { elementwiseFunctions } from './elementwise.ts';
export type { ElementwiseFunction } from './elementwise.ts';
export { checkKernel, pipelinesAsked, pipelinesOf } from './check-kernel.ts';
export type { CheckOptions, DeviceFacts, KernelUnderTest, KernelVerdict } from './check-kernel.ts';
export { makeInputs, runCase, uploadCase } from './run-case.ts';
export type { CaseRun } from './run-case.ts';
export { greaterError, measureUlp, sweep, ulpError, ulpOf } from './ulp.ts';
export type { GreatestError, UlpReport } from './ulp.ts';
export { opTable, opTables } from './tables.ts';
export { attentionBackwardVariants } from '../ops/attention/variants.ts';
export { subgroupMatrix } from '../ops/matmul/matrix-units.ts';
export { Array64, broadcast, build, erf, mapRows, setApart } from '../truth/oracle.ts';
export { watchOps } from '../tensor/op.ts';
