/**
 * @file The contractions that the VQA evaluation restores, built from their parts. Source: the table in
 * https://github.com/GT-Vision-Lab/VQA, vqaEval.py, whose entries, odd ones too, affect scores.
 */

/** Stem, then ending: the apostrophe was left out. */
const plain: Record<string, string> = {
  "n't": 'ai are ca could did does do had has have is might must need ought sha should was were wo would',
  "'ve": 'could might must not should they we what where who would you',
  "'d": 'he how it someone something there they where who you',
  "'s": 'he how somebody someone that there what when where who why',
  "'ll": 'how it somebody someone something they what who why you',
  "'re": 'there they what why you',
};

/** Stem, then two endings: one of the two apostrophes was left out. */
const double: [string, string, string][] = [
  ['could had might should would', "n't", "'ve"],
  ['he it she somebody someone something there they we who you', "'d", "'ve"],
];

const bare = (ending: string): string => ending.replaceAll("'", '');

/**
 * A lower-case word without its apostrophe, and the word with it. Capitalised entries never match: words are
 * lower-cased.
 */
export const contractions: ReadonlyMap<string, string> = new Map([
  ...Object.entries(plain).flatMap(([ending, stems]) =>
    stems.split(' ').map((stem): [string, string] => [stem + bare(ending), stem + ending]),
  ),
  ...double.flatMap(([stems, first, second]) =>
    stems.split(' ').flatMap((stem): [string, string][] => [
      [stem + bare(first) + second, stem + first + second],
      [stem + first + bare(second), stem + first + second],
    ]),
  ),
  ['maam', "ma'am"],
  ['oclock', "o'clock"],
  ['twas', "'twas"],
  ['yall', "y'all"],
  ["yall'll", "y'all'll"],
  ["y'allll", "y'all'll"],
  ["yall'd've", "y'all'd've"],
  ["y'alld've", "y'all'd've"],
  ["y'all'dve", "y'all'd've"],
  ["ow's'at", "'ow's'at"],
  ["'ows'at", "'ow's'at"],
  ["'ow'sat", "'ow's'at"],
  ["somebody'd", 'somebodyd'], // the wrong way round, in the original
]);
