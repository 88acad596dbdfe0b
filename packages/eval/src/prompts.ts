/**
 * @file The lines at the end of prompts in the published question files. Source: LLaVA's Evaluation.md and eval bundle.
 */

export const SHORT_ANSWER = 'Answer the question using a single word or phrase.';
export const OPTION_LETTER = "Answer with the option's letter from the given choices directly.";
export const OPTION_LETTER_CN = '请直接回答选项字母。';
export const UNANSWERABLE = "When the provided information is insufficient, respond with 'Unanswerable'.";
export const OCR_PREFIX = 'Reference OCR token: ';
