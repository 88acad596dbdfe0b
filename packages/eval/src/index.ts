export { answerLine, paired, partOf, readAnswers } from './answers.ts';
export {
  type Answer,
  answerOf,
  type AnswerText,
  type Benchmark,
  type CaptionPair,
  type Decoding,
  type Entry,
  type Judging,
  type LayoutFile,
  type ResultFile,
  type Run,
  type Score,
  type SourceFile,
} from './benchmark.ts';
export {
  type LlavaBenchQuestion,
  marksIn,
  type Review,
  readReviews,
  reviewLine,
  reviewRequest,
  summariseReviews,
} from './benchmarks/llava-bench.ts';
export {
  type Grade,
  gradeIn,
  gradeRequest,
  gradesFile,
  type MmVetQuestion,
  readGrades,
  scoreGrades,
} from './benchmarks/mm-vet.ts';
export { popeMeasures, yesOrNo } from './benchmarks/pope.ts';
export { scoreScienceQa } from './benchmarks/scienceqa.ts';
export { bleu } from './captions/bleu.ts';
export { ciderD } from './captions/cider.ts';
export { type CaptionScores, scoreCaptions } from './captions/protocol.ts';
export { tokenise } from './captions/ptb-tokenizer.ts';
export { rougeL } from './captions/rouge.ts';
export { distinct, selfBleu } from './diversity.ts';
export { lmmsEvalLog } from './exports/lmms-eval.ts';
export { vlmEvalKitTable } from './exports/vlmevalkit.ts';
export type { JudgeReply, JudgeRequest } from './judge.ts';
export { normaliseAnswer } from './metrics/answer-normaliser.ts';
export { inferOption } from './metrics/option-letter.ts';
export { softAccuracy, vqaAccuracy } from './metrics/soft-accuracy.ts';
export { EvalDataError } from './records.ts';
export { benchmarkNamed, benchmarks } from './registry.ts';
