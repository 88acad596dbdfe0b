import { RandomStream } from '@curio/engine';
import { describe, expect, test } from 'vitest';
import { encodeSample, makeBatch, makeTextBatch, paddedLength } from '../src/data/batch.ts';
import { TEMPLATES } from '../src/data/conversation.ts';
import type { Sample } from '../src/data/dataset.ts';
import { groupByLength, groupByModalityLength } from '../src/data/sampler.ts';
import { sceneTokenizerJson } from '@curio/scenes';
import { whyNotTrainable } from '../src/data/trainable-sample.ts';
import { IGNORE, IMAGE_TOKEN, Tokens } from '../src/data/tokens.ts';

describe('batches', () => {
  const tokens = new Tokens(sceneTokenizerJson());
  const sample: Sample = {
    id: 'x',
    images: ['a.png'],
    messages: [
      { role: 'human', text: '<image>\nis there a two ?' },
      { role: 'gpt', text: 'yes .' },
      { role: 'human', text: 'where is the two ?' },
      { role: 'gpt', text: 'top left .' },
    ],
  };
  const name = (id: number): string => tokens.token(id);

  test('images are spread out, labels shifted, lengths rounded up to 32', () => {
    const one = encodeSample(tokens, sample, { template: TEMPLATES.scenes });
    const two = encodeSample(tokens, sample, { template: 'plain' });
    expect(two.ids.map((id) => (id === IMAGE_TOKEN ? '<image>' : name(id)))).toEqual([
      '<s>',
      '<image>',
      'yes',
      '.',
      '\n',
    ]);
    const batch = makeBatch([one, two], { patches: 4 });
    expect([batch.size, batch.length, [...batch.lengths]]).toEqual([2, 32, [one.ids.length + 3, 8]]);
    expect([...batch.imageRows]).toEqual([2, 3, 4, 5, 33, 34, 35, 36]);
    expect([batch.images, batch.imageTags]).toEqual([
      [0, 1],
      [0, 0],
    ]);
    expect(batch.labelled).toBe(3 + 4 + 3);
    // The last position of the image foretells the first word of the caption.
    expect(name(batch.labels[36])).toBe('yes');
    expect([...batch.labels.slice(37, 40)].map((id) => (id === IGNORE ? id : name(id)))).toEqual(['.', '\n', IGNORE]);
    for (let at = 0; at < 63; at++)
      if (batch.labels[at] !== IGNORE) expect(batch.tokens[at + 1]).toBe(batch.labels[at]);
  });

  test('the rate of self-questions adds loss on questions', () => {
    const draw = { seed: 1, epoch: 0, sample: 0 };
    const labelled = (selfQuestionRate: number): number =>
      makeBatch([encodeSample(tokens, sample, { template: TEMPLATES.scenes, selfQuestionRate, draw })], { patches: 4 })
        .labelled;
    expect(labelled(1) - labelled(0)).toBe('where is the two ? </s>'.split(' ').length);
  });

  test('several images keep their order; text alone that contains <image> has none', () => {
    const messages = [
      { role: 'human' as const, text: '<image> where <image> is' },
      { role: 'gpt' as const, text: 'red' },
    ];
    const two = encodeSample(tokens, { id: 'x', images: ['a', 'b'], messages }, { template: TEMPLATES.scenes });
    const none = encodeSample(tokens, { id: 'x', images: [], messages }, { template: TEMPLATES.scenes });
    const batch = makeBatch([two, none, two], { patches: 4 });
    expect([batch.images, batch.imageTags, batch.imageRows.length]).toEqual([[0, 0, 2, 2], [0, 1, 0, 1], 16]);
    expect(none.ids).not.toContain(IMAGE_TOKEN);
    expect(none.ids.length).toBeGreaterThanOrEqual(two.ids.length);
  });

  test('long samples are truncated, even if that removes the image', () => {
    expect(encodeSample(tokens, sample, { template: TEMPLATES.scenes, maxLength: 5 }).ids.length).toBe(5);
    const batch = makeBatch([encodeSample(tokens, sample, { template: TEMPLATES.scenes, maxLength: 2 })], {
      patches: 4,
    });
    expect([batch.images, batch.labelled, batch.lengths[0]]).toEqual([[], 0, 2]);
  });

  test('lengths are padded to multiples of 8, 16 or 32', () => {
    const lengths = [1, 8, 9, 64, 65, 127, 128, 129, 143, 255, 256, 257, 289, 2047, 2048];
    const padded = [8, 8, 16, 64, 72, 128, 128, 144, 144, 256, 256, 288, 320, 2048, 2048];
    expect(lengths.map(paddedLength)).toEqual(padded);
  });

  test('weighted text', () => {
    const batch = makeTextBatch([{ ids: [1, 5, 6, 2], weights: [0, 0, 0.5, 1] }], 8);
    expect([...batch.labels]).toEqual([IGNORE, 6, 2, IGNORE, IGNORE, IGNORE, IGNORE, IGNORE]);
    expect([...batch.weights.slice(0, 4)]).toEqual([0, 0.5, 1, 0]);
  });
});

describe('order', () => {
  const each = (n: number, length: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => length(i));
  const sorted = (order: number[]): number[] => [...order].sort((a, b) => a - b);

  test('every megabatch but the last is of one kind; every sample occurs once', () => {
    const random = new RandomStream(4);
    const lengths = each(103, (i) => (i % 3 === 0 ? -1 : 1) * (1 + random.integer(50)));
    const order = groupByModalityLength(lengths, 4, 2, random);
    expect(sorted(order)).toEqual(each(103, (i) => i));
    const images = lengths.filter((length) => length > 0).length;
    const whole = Math.ceil(images / 8) - 1 + Math.ceil((103 - images) / 8) - 1;
    for (let batch = 0; batch < whole; batch++) {
      expect(new Set(order.slice(batch * 8, batch * 8 + 8).map((i) => Math.sign(lengths[i]))).size).toBe(1);
    }
    const last = order.slice(whole * 8);
    expect(last).toEqual(sorted(last));
  });

  test('two devices get chunks of nearly equal length', () => {
    const random = new RandomStream(2);
    const lengths = each(64, () => 1 + random.integer(100));
    const order = groupByModalityLength(lengths, 4, 2, random);
    for (let batch = 0; batch < 8; batch++) {
      const total = (from: number): number => order.slice(from, from + 4).reduce((sum, i) => sum + lengths[i], 0);
      expect(Math.abs(total(batch * 8) - total(batch * 8 + 4))).toBeLessThanOrEqual(100);
    }
  });

  test('a single kind is grouped too; a length of zero is refused', () => {
    expect(sorted(groupByModalityLength([5, 3, 2], 2, 1, new RandomStream(1)))).toEqual([0, 1, 2]);
    expect(() => groupByModalityLength([5, 0], 2, 1, new RandomStream(1))).toThrow(
      'sampler: sample 1 has length 0; every sample needs at least one word.',
    );
  });

  test('grouping by length makes batches of similar samples in random order', () => {
    const random = new RandomStream(8);
    const lengths = each(200, () => random.integer(100));
    const batches = groupByLength(lengths, 8, random);
    expect(sorted(batches.flat())).toEqual(each(200, (i) => i));
    const spread = batches.map(
      (batch) => Math.max(...batch.map((i) => lengths[i])) - Math.min(...batch.map((i) => lengths[i])),
    );
    expect(Math.max(...spread)).toBeLessThan(25);
    expect(batches).not.toEqual(groupByLength(lengths, 8, new RandomStream(9)));
  });
});

describe('a sample that a stage learns nothing from', () => {
  const tokens = new Tokens(sceneTokenizerJson());
  const why = (sample: Parameters<typeof whyNotTrainable>[0], template: 'plain' | 'chat', maxLength: number) =>
    whyNotTrainable(sample, tokens, { template }, { maxLength }, TEMPLATES.scenes);
  const sample = (question: string, image?: string) => ({
    id: 'x',
    images: image ? [image] : [],
    messages: [
      { role: 'human' as const, text: question },
      { role: 'gpt' as const, text: 'yes .' },
    ],
  });

  test('text only under the template plain', () => {
    expect(why(sample('a ?'), 'plain', 512)).toBe(
      'it has no image, and a stage with the template plain learns the captions of images',
    );
    expect(why(sample('<image>\na ?', 'a.png'), 'plain', 512)).toBeNull();
    expect(() => encodeSample(tokens, sample('a ?'), { template: 'plain' })).toThrow(
      "batch: sample 'x' has no image; the template plain is an image and its caption.",
    );
  });

  test('under the template plain anything but one image, shown, and its caption', () => {
    const [question, answer] = sample('<image>\na ?', 'a.png').messages;
    const two = { id: 'x', images: ['a.png'], messages: [question!, answer!, question!, answer!] };
    expect(why(two, 'plain', 512)).toBe(
      'it has 1 images and 4 turns, and a stage with the template plain learns an image and its caption',
    );
    expect(why(sample('a ?', 'a.png'), 'plain', 512)).toBe(
      'its question does not say <image>, and a stage with the template plain learns the captions of images',
    );
  });

  test('every answer truncated: reported to the exact id', () => {
    const long = sample('is there a two ? '.repeat(40));
    const { labels } = encodeSample(tokens, long, { template: TEMPLATES.scenes });
    const first = labels.findIndex((label) => label !== IGNORE);
    expect(why(long, 'chat', first + 1)).toBeNull();
    expect(why(long, 'chat', first)).toBe(
      `its first answer begins at id ${first}, and train.maxLength cuts it at ${first}`,
    );
  });
});
