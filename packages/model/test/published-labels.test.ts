/** Labels by the published procedure, against that code itself (packages/testing/python/published_masks.py). */
import { openGolden } from '@curio/testing/golden';
import { parity } from '@curio/testing/parity';
import { describe, expect, test } from 'vitest';
import { encodeSample } from '../src/data/batch.ts';
import { TEMPLATES } from '../src/data/conversation.ts';
import { publishedRule } from '../src/data/published-labels.ts';
import { SentencePiece } from '../src/data/sentence-piece.ts';
import { IGNORE, Tokens } from '../src/data/tokens.ts';
import { isFault, readEntry } from '../src/entries/read-entry.ts';

interface Turn {
  from: string;
  value: string;
  ask?: boolean;
}
interface Case {
  group: 'edge' | 'drawn' | 'stage1' | 'stage2';
  template: 'v1' | 'v1_sq' | 'plain';
  image: boolean;
  maxLength: number;
  turns: Turn[];
}

const golden = await openGolden('published-masks');
const tokens = new Tokens(SentencePiece.read(golden.bytes('file.model')));
const draw = { seed: 0, epoch: 0, sample: 0 };

/** Our encoding of each case, and the published one. Self-questions are all drawn but those that say they are not. */
const cases = (golden.config.cases as Case[]).map((one, k) => {
  const lengths = golden.ints('lengths');
  const from = lengths.slice(0, k).reduce((sum, n) => sum + n, 0);
  const of = (name: string): number[] =>
    Array.from(golden.ints(name).slice(from, from + lengths[k]!)).slice(0, one.maxLength);
  const conversations = one.turns.map(({ from, value, ask }) => ({
    from,
    value,
    ...(from === 'human' && !ask && { self_question: false }),
  }));
  const read = readEntry({ ...(one.image && { image: 'x.png' }), conversations }, k);
  if (isFault(read)) throw new Error(read.reason);
  const encode = (published: 'v1' | 'v1_sq' | null): { ids: number[]; labels: number[] } =>
    encodeSample(tokens, read.sample, {
      template: one.template === 'plain' ? 'plain' : { ...TEMPLATES[one.template], system: golden.config.system },
      selfQuestionRate: 1,
      draw,
      maxLength: one.maxLength,
      published,
    });
  const rule = one.template === 'plain' ? null : one.template;
  return { ...one, ids: of('ids'), labels: of('labels'), published: encode(rule), ours: encode(null), read };
});

describe('labels found as published', () => {
  test.each(['edge', 'drawn', 'stage1', 'stage2'])(
    '%s conversations: ids and labels of the published code',
    (group) => {
      const some = cases.filter((one) => one.group === group);
      expect(some.length).toBeGreaterThan(7);
      const compared = parity('ids and published labels of conversations', 'SQ-LLaVA’s own code');
      for (const { published, ids, labels, turns } of some) {
        const text = turns.map(({ from, value }) => `${from}: ${value}`).join(' | ');
        compared.same(published.ids, ids, text);
        compared.same(published.labels, labels, text);
      }
    },
  );

  test('differ from those by messages only if a text contains a role or an end, or the count of ids is off', () => {
    const differing = cases.filter(({ ours, labels }) => ours.labels.join() !== labels.join());
    const lost = differing.filter(({ labels }) => labels.every((label) => label === IGNORE));
    const leaking = differing.filter((one) => !lost.includes(one));
    for (const { turns } of leaking)
      expect(
        turns.some(
          ({ from, value }) => (from === 'gpt' && / ASSISTANT: |<\/s>/.test(value)) || /ASSISTANT: /.test(value),
        ),
      ).toBe(true);
    expect([lost.length, leaking.length]).toEqual([33, 9]);
  });
});

test('a loss of whole samples: a conversation that begins with an answer, under v1_sq alone', () => {
  const hello = cases.filter(({ turns, group }) => group === 'edge' && turns[0]!.from === 'gpt');
  for (const { template, published, ours } of hello) {
    expect(published.labels.some((label) => label !== IGNORE)).toBe(template === 'v1');
    expect(ours.labels.some((label) => label !== IGNORE)).toBe(true);
  }
  expect(hello).toHaveLength(6);
});

test('the published procedure is chosen by template, and refused where the published code has none', () => {
  const model = { template: 'v1_sq', vusr: 'role' } as const;
  const chat = { template: 'chat', sqR: 0.5 } as const;
  const published = { labelMasks: 'published' } as const;
  expect(publishedRule(model, { labelMasks: 'messages' }, chat)).toBeNull();
  expect(publishedRule(model, published, { ...chat, template: 'plain' })).toBeNull();
  expect(publishedRule(model, published, chat)).toBe('v1_sq');
  expect(publishedRule({ ...model, template: 'v1' }, published, { ...chat, sqR: 0 })).toBe('v1');
  expect(() => publishedRule({ ...model, template: 'llava_v1' }, published, chat)).toThrow(
    "config: train.labelMasks is 'published', model.template is 'llava_v1' and sqR 0.5; the published code draws self-questions only under v1_sq, so sqR must be 0.",
  );
  expect(() => publishedRule({ ...model, vusr: 'token' }, published, chat)).toThrow(
    "config: train.labelMasks is 'published' and model.vusr is 'token'; the published code knows only the role VUSER: (model.vusr=role).",
  );
});
