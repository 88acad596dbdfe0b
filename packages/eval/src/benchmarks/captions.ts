/**
 * @file Captions: COCO (Karpathy's test split), Flickr30k, nocaps and Conceptual Captions. Sources:
 * https://github.com/tylin/coco-caption; prompt and protocol, SQ-LLaVA's model_cap.py and eval_image_caption.py.
 *
 * Layout: questions {"question_id", "image", "text"} a line; references as COCO has them, {"images": [{"id",
 * "file_name"}], "annotations": [{"image_id", "caption"}]}, or a list (or a line each) of {"image", "caption"}, the
 * caption a text or a list of texts. Only COCO's question file is published; the others have its form.
 * Prompt: `Provide a brief description of the given image, …`, in the file. Decoding: greedy, 1024 tokens. Parsing:
 * none. Metric: BLEU-4, ROUGE-L and CIDEr-D, as in coco-caption and as in SQ-LLaVA's script; METEOR and
 * SPICE are their authors' Java programs, whose input `captions` prepares.
 */
import { paired } from '../answers.ts';
import type { Benchmark, SourceFile } from '../benchmark.ts';
import { scoreCaptions } from '../captions/protocol.ts';
import { tokenise } from '../captions/ptb-tokenizer.ts';
import { type Question, readQuestions } from '../question-file.ts';
import {
  EvalDataError,
  type FileRecord,
  readJson,
  readJsonLines,
  readJsonList,
  recordOf,
  required,
} from '../records.ts';
import { pythonJson } from '../text/python-json.ts';

export interface CaptionQuestion extends Question {
  /** The picture's id in a COCO file, which result files use; without one, the question's id. */
  readonly imageId: string | number;
  readonly references: readonly string[] | null;
}

interface Reference {
  readonly imageId: string | number | null;
  readonly captions: string[];
}

const layoutOf = (questions: string, references: string) => ({
  questions: { path: questions, holds: 'the pictures and the prompt' },
  references: { path: references, holds: 'captions written by people', optional: true },
});
type Role = keyof ReturnType<typeof layoutOf>;

const captionsOf = (record: FileRecord): string[] =>
  Array.isArray(record.fields.caption)
    ? record.texts('caption')
    : [record.text('caption', 'a string or a list of strings')];

function fromCoco(file: FileRecord): Map<string, Reference> {
  const byImage = new Map<string | number, string[]>();
  for (const each of file.records('annotations')) {
    const id = each.id('image_id');
    byImage.set(id, [...(byImage.get(id) ?? []), each.text('caption')]);
  }
  return new Map(
    file
      .records('images')
      .map((image) => [
        image.text('file_name'),
        { imageId: image.id('id'), captions: byImage.get(image.id('id')) ?? [] },
      ]),
  );
}

/** References by file name of the picture. */
function referencesIn(file: SourceFile): Map<string, Reference> {
  const isLines = /^\s*\{[^\n]*\}\s*\n\s*\{/.test(file.text);
  const whole = isLines ? null : readJson(file);
  if (whole && !Array.isArray(whole)) return fromCoco(recordOf(file.name, whole));
  const found = new Map<string, Reference>();
  for (const record of isLines ? readJsonLines(file) : readJsonList(file)) {
    const image = record.text('image');
    found.set(image, { imageId: null, captions: [...(found.get(image)?.captions ?? []), ...captionsOf(record)] });
  }
  return found;
}

function captionBenchmark(
  name: string,
  title: string,
  source: string,
  images: string,
  layout: ReturnType<typeof layoutOf>,
): Benchmark<CaptionQuestion, Role> {
  return {
    name,
    title,
    source,
    layout,
    images,
    decoding: { temperature: 0, maxNewTokens: 1024, aspect: 'crop' },

    read(files) {
      const known = files.references && referencesIn(files.references);
      return readQuestions<CaptionQuestion>(required(name, files, 'questions', layout.questions.path), (record) => {
        const found = known?.get(record.text('image'));
        if (known && !found?.captions.length)
          record.refuse('image', `one that ${files.references!.name} has captions for`);
        return { imageId: found?.imageId ?? record.id(), references: found?.captions ?? null };
      });
    },
    prompt: (entry) => entry.text,
    parse: (answer) => answer,

    /** Times 100, CIDEr-D too, as tables print them. */
    score(entries, answers) {
      const pairs = paired(name, entries, answers);
      const known = pairs.map(([entry]) => {
        if (!entry.references)
          throw new EvalDataError(`${name}: the pictures have no references; give ${layout.references.path}.`);
        return entry.references;
      });
      const texts = pairs.map(([, text]) => text);
      const [own, cut] = [scoreCaptions(texts, known), scoreCaptions(texts, known, 'sq-llava')];
      const details = Object.fromEntries(
        [
          { scores: own, prefix: '' },
          { scores: cut, prefix: "SQ-LLaVA's protocol, " },
        ].flatMap(({ scores, prefix }) => [
          ...scores.bleu.map((value, k) => [`${prefix}BLEU-${k + 1}`, 100 * value]),
          [`${prefix}ROUGE-L`, 100 * scores.rougeL],
          [`${prefix}CIDEr-D`, 100 * scores.ciderD],
        ]),
      );
      return {
        main: 100 * own.ciderD,
        mainName: 'CIDEr-D',
        details,
        perEntry: new Map(entries.map((entry, i) => [entry.id, own.each[i].ciderD / 10])),
      };
    },

    captions(entries, answers) {
      if (entries.some(({ references }) => references === null)) return null;
      return paired(name, entries, answers).map(([{ id, references }, text]) => {
        const [caption, ...known] = tokenise([text, ...references!]);
        return { id, caption: caption!, references: known };
      });
    },

    /** The results file of the COCO caption challenge, which pycocoevalcap and the nocaps server accept. */
    write: (run) => [
      {
        name: `results/${run.name}.json`,
        content: pythonJson(
          paired(name, run.entries, run.answers).map(([entry, text]) => ({ image_id: entry.imageId, caption: text })),
        ),
      },
    ],
  };
}

export const cocoCaptions = captionBenchmark(
  'coco-captions',
  'COCO captions (Karpathy test)',
  'https://github.com/tylin/coco-caption',
  'val2014',
  layoutOf('question3.jsonl', 'captions_val2014.json'),
);
export const flickr30k = captionBenchmark(
  'flickr30k',
  'Flickr30k captions (test)',
  'https://shannon.cs.illinois.edu/DenotationGraph/',
  'flickr30k-images',
  layoutOf('flickr30k_test_questions.jsonl', 'flickr30k_test.json'),
);
export const nocaps = captionBenchmark(
  'nocaps',
  'nocaps (val)',
  'https://nocaps.org/evaluation',
  'images',
  layoutOf('nocaps_val_questions.jsonl', 'nocaps_val_4500_captions.json'),
);
export const conceptual = captionBenchmark(
  'conceptual',
  'Conceptual Captions (val)',
  'https://ai.google.com/research/ConceptualCaptions/',
  'images',
  layoutOf('conceptual_val_questions.jsonl', 'conceptual_val.json'),
);
