export { type Answer, type AnswerText, answerLine, paired, partOf, readAnswers } from './answers.ts';
export {
  answerOf,
  type Benchmark,
  type Decoding,
  type Entry,
  type LayoutFile,
  type ResultFile,
  type Run,
  type Score,
  type SourceFile,
} from './benchmark.ts';
export { scoreScienceQa } from './benchmarks/scienceqa.ts';
export { normaliseAnswer } from './metrics/answer-normaliser.ts';
export { inferOption } from './metrics/option-letter.ts';
export { softAccuracy, vqaAccuracy } from './metrics/soft-accuracy.ts';
export { EvalDataError } from './records.ts';
export { benchmarkNamed, benchmarks } from './registry.ts';
