/** Data-set files of every form, read entry by entry; what is unusual in them, and what is refused. */
import { RandomStream } from '@curio/engine';
import { memorySource } from '@curio/nn';
import { describe, expect, test } from 'vitest';
import { modalityLength } from '../src/data/dataset.ts';
import type { Sample } from '../src/data/dataset.ts';
import { jsonEntries, scanJson } from '../src/entries/json-entries.ts';
import { openSamples, type EntrySamples, type OpenSamplesOptions } from '../src/entries/open-samples.ts';
import { isFault, readEntry } from '../src/entries/read-entry.ts';

/** Bytes that do not begin where their buffer does, as of a Buffer of Node. */
const withOffset = (bytes: Uint8Array): Uint8Array => new Uint8Array([0, 0, 0, ...bytes]).subarray(3);
const turn = (from: string, value: unknown) => ({ from, value });
const good = {
  id: 'demo-1',
  image: 'a.png',
  conversations: [turn('human', 'What is it?\n<image>'), turn('gpt', 'A dog.')],
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const open = (text: string, options?: OpenSamplesOptions) =>
  openSamples('mix.json', memorySource('mix.json', bytes(text)), options);
const readAll = (samples: EntrySamples): Promise<Sample[]> =>
  Promise.all(Array.from({ length: samples.length }, (_, i) => samples.read(i)));
const one = (entry: unknown) => {
  const read = readEntry(entry, 1);
  return isFault(read) ? read.reason : { ...read.sample, notes: read.notes };
};

describe('an entry', () => {
  test('of LLaVA: the image tag is moved to the front and leading answers are dropped', () => {
    expect(one(good)).toEqual({
      id: 'demo-1',
      images: ['a.png'],
      messages: [
        { role: 'human', text: '<image>\nWhat is it?' },
        { role: 'gpt', text: 'A dog.' },
      ],
      entry: 1,
      notes: [],
    });
    const text = one({ conversations: [turn('gpt', 'Hello.'), turn('human', 'Hi.'), turn('gpt', 'How are you?')] });
    expect(text).toEqual({
      id: '1',
      images: [],
      messages: [
        { role: 'human', text: 'Hi.' },
        { role: 'gpt', text: 'How are you?' },
      ],
      turns: [
        { role: 'gpt', text: 'Hello.' },
        { role: 'human', text: 'Hi.' },
        { role: 'gpt', text: 'How are you?' },
      ],
      entry: 1,
      notes: ['begins with an answer, which is dropped'],
    });
    expect([modalityLength(text as Sample), modalityLength(one(good) as Sample)]).toEqual([-4, 6]);
  });

  test('words are counted by splitting at white space', () => {
    const length = (text: string) => modalityLength({ images: ['a'], messages: [{ role: 'human', text }] });
    // A space of any kind, and no other character, parts two words.
    const wrong = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter(
      (char) => length(`a${char}b`) !== (/\s/.test(char) ? 2 : 1),
    );
    expect(wrong).toEqual([]);
    for (const text of ['', ' ', 'a', ' a  b\n', 'a\u00a0b\u2003c', 'é 漢字\u3000x\t\r\ny\ufeffz', 'a\u200bb'])
      expect(length(text), JSON.stringify(text)).toBe(text.split(/\s+/).filter(Boolean).length);
  });

  const talk = [turn('human', 'a'), turn('gpt', 'b')];
  const messages = (...roles: string[]) => roles.map((role, i) => ({ role, content: `${i}` }));

  test.each<[string, unknown, object]>([
    [
      'text alone that says <image> keeps it as text',
      { conversations: [turn('human', 'What is <image> in HTML?'), turn('gpt', 'A tag.')] },
      {
        images: [],
        messages: [{ text: 'What is <image> in HTML?' }, { text: 'A tag.' }],
        notes: ['says <image> without a picture, read as text'],
      },
    ],
    [
      'an image without a tag is not shown',
      { image: 'b.png', conversations: talk },
      { images: ['b.png'], messages: [{ text: 'a' }, { text: 'b' }], notes: ['has a picture that no turn shows'] },
    ],
    ['image: null is no image', { image: null, conversations: talk }, { images: [], notes: [] }],
    ['images: [] is no image', { images: [], conversations: talk }, { images: [], notes: [] }],
    [
      'a last turn by human is dropped',
      { conversations: [...talk, turn('human', 'c')] },
      { messages: [{ text: 'a' }, { text: 'b' }], notes: ['ends with a question, which is dropped'] },
    ],
    [
      'one image at several tags',
      {
        image: 'b.png',
        conversations: [turn('human', '<image>a'), turn('gpt', 'b'), turn('human', '<image>c'), turn('gpt', 'd')],
      },
      { images: ['b.png'], messages: [{ text: '<image>\na' }, { text: 'b' }, { text: '<image>\nc' }, { text: 'd' }] },
    ],
    [
      'several images keep their tags where they stand',
      {
        image: ['b.png', 'c.png'],
        conversations: [turn('human', 'Is <image> or <image> larger?'), turn('gpt', 'The first.')],
      },
      { images: ['b.png', 'c.png'], messages: [{ text: 'Is <image> or <image> larger?' }, { text: 'The first.' }] },
    ],
    [
      'messages and images, the tag put first where there is none',
      { messages: messages('user', 'assistant'), images: ['b.png'] },
      {
        images: ['b.png'],
        messages: [
          { role: 'human', text: '<image>\n0' },
          { role: 'gpt', text: '1' },
        ],
        notes: [],
      },
    ],
    [
      'messages of parts',
      {
        images: [{ path: 'b.png' }],
        messages: [
          { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'What?' }] },
          { role: 'assistant', content: [{ type: 'text', text: 'It.' }] },
        ],
      },
      { images: ['b.png'], messages: [{ text: '<image>\nWhat?' }, { text: 'It.' }] },
    ],
    [
      'a caption of an image folder',
      { file_name: 'b.png', text: 'A dog.' },
      {
        images: ['b.png'],
        messages: [
          { role: 'human', text: '<image>' },
          { role: 'gpt', text: 'A dog.' },
        ],
      },
    ],
    [
      'bytes in the entry',
      { image: { bytes: Uint8Array.of(1), path: null }, text: 'A dog.', conversations: null },
      { images: ['embedded:1/0'] },
    ],
    [
      'a self-question',
      { image: 'b.png', conversations: [...talk, turn('vuser', 'c'), turn('gpt', 'd')] },
      { messages: [{}, {}, { role: 'vuser' }, {}] },
    ],
    [
      'a question that is never drawn as a self-question',
      { conversations: [{ ...turn('human', 'x'), self_question: false }, turn('gpt', 'y')] },
      {
        messages: [
          { role: 'human', text: 'x', selfQuestion: false },
          { role: 'gpt', text: 'y' },
        ],
      },
    ],
  ])('%s', (_, entry, sample) => expect(one(entry)).toMatchObject(sample));

  test.each<[unknown, string]>([
    [3, 'is the number 3 and must be an object with conversations'],
    [{ id: 'x' }, 'conversations is missing and must be a list of { from, value }'],
    [{ messages: 'x' }, "messages is 'x' and must be a list of { role, content }"],
    [{ ...good, image: 7 }, 'image is the number 7 and must be a path'],
    [{ ...good, image: '' }, "image is '' and must be a path"],
    [{ ...good, image: ['a', null] }, 'image[1] is null and must be a path'],
    [{ ...good, image: 'http://a/b.png' }, "image begins with 'http:', and pictures must be files on this machine"],
    [{ ...good, images: ['b'] }, 'names pictures in image and in images, and one of them is enough'],
    [{ conversations: [] }, 'has no question, and a conversation starts with a human turn'],
    [{ conversations: [turn('system', 'x')] }, "turn 0 is from 'system' and must be from 'human' or 'gpt'"],
    [{ messages: messages('system', 'user') }, "turn 0 is from 'system' and must be from 'user' or 'assistant'"],
    [{ conversations: [turn('constructor', 'x')] }, "turn 0 is from 'constructor' and must be from 'human' or 'gpt'"],
    [
      { conversations: [{ ...turn('human', 'x'), self_question: 'no' }] },
      "turn 0: self_question is 'no' and must be true or false, in a human turn",
    ],
    [{ conversations: [turn('human', null)] }, 'turn 0: value is null and must be text'],
    [{ conversations: [turn('human', 'a'), turn('gpt', ' ')] }, 'turn 1 is empty and must hold text'],
    [
      { conversations: [turn('human', 'a'), turn('human', 'b')] },
      "has two turns of 'human' in a row, and human and gpt must alternate",
    ],
    [
      { conversations: [turn('human', 'a')] },
      'its only question has no answer, and every human turn needs a gpt turn after it',
    ],
    [
      { image: ['a', 'b'], conversations: [turn('human', '<image>a'), turn('gpt', 'b')] },
      'names 2 pictures and says <image> 1 times, and each needs its tag',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'video' }] }] },
      "turn 0 has a part of type 'video', and only text, and image with its path in images, are read",
    ],
  ])('%j is refused in one sentence', (entry, reason) => expect(one(entry)).toBe(reason));
});

describe('a file', () => {
  test('a JSON array or JSON lines, with what Windows puts around', async () => {
    const list = await open(`\ufeff${JSON.stringify([good, good])}`);
    expect((await readAll(list)).map(({ entry }) => entry)).toEqual([0, 1]);
    const lines = await open(`\ufeff\n${JSON.stringify(good)}\r\n\r\n${JSON.stringify({ ...good, id: 7 })}`);
    expect((await readAll(lines)).map(({ id }) => id)).toEqual(['demo-1', '7']);
  });

  test('strings may contain anything, and entries may cross the blocks that are read', async () => {
    const random = new RandomStream(7);
    const marks = ['"', '\\', '{', '}', '[', ']', ',', '\n', 'é', '漢', '\u{1f600}', '\u2028', 'a', '\\"', ': '];
    const text = (): string =>
      Array.from({ length: random.integer(30) }, () => marks[random.integer(marks.length)]).join('');
    const values = Array.from({ length: 300 }, (_, i) =>
      [() => ({ [text()]: [text(), { x: text() }] }), () => text(), () => i, () => null, () => [[], {}, text()]][
        i % 5
      ]!(),
    );
    for (const [chunk, spaced, lines] of [
      [16, 0, false],
      [61, 2, false],
      [4096, 1, false],
      [16, 0, true],
    ] as const) {
      const given = lines ? values.filter((_, i) => i % 5 === 0) : values;
      const whole = lines
        ? given.map((value) => JSON.stringify(value)).join('\n')
        : JSON.stringify(given, null, spaced);
      const source = memorySource('x', bytes(whole));
      const seen: unknown[] = [];
      const places = await scanJson('x', source, (value) => void seen.push(value), { chunk });
      expect(seen).toEqual(given);
      const entries = jsonEntries('x', source, places);
      for (const i of [0, 5, given.length - 1]) expect(await entries.read(i)).toEqual(given[i]);
    }
  });

  test.each([
    ['[{', /^data: mix\.json:1: entry 0 does not end before the file does; it was cut, so copy it again\.$/],
    ['[{}', 'data: mix.json: its list is not closed after 1 entries; it was cut, so copy it again.'],
    ['[]', 'data: mix.json: holds no sample; it must hold at least one.'],
    [' \n', 'data: mix.json: holds no sample; it must hold at least one.'],
    ['3', "data: mix.json: begins with '3'; it must be a JSON array of samples, or JSON lines."],
    ['[{}\n,\n{"a" 1}]', /^data: mix\.json:3: entry 1 is not JSON \(.+\); mend it\.$/],
    ['[{},]', /^data: mix\.json:1: entry 1 is not JSON \(.+\); mend it\.$/],
    ['[{}\n{}]', 'data: mix.json:2: entry 1 does not begin after a comma; put one between entries.'],
    ['[{}]\n[]', 'data: mix.json:2: entry 1 comes after the end of the list; remove it.'],
    ['{}\n\n{"a": }\n', /^data: mix\.json:3: entry 1 is not JSON \(.+\); mend it\.$/],
    ['[{"a": "]', /^data: mix\.json:1: entry 0 does not end before the file does/],
  ])('%j is refused by line and entry', async (text, message) => {
    await expect(open(text)).rejects.toThrow(message);
  });

  test('bytes that are not UTF-8 are refused with line and entry, UTF-16 by name', async () => {
    const broken = new Uint8Array([...bytes('[{},\n{"a":"'), 0xff, ...bytes('"}]')]);
    await expect(openSamples('mix.json', memorySource('x', broken))).rejects.toThrow(
      'data: mix.json:2: entry 1 is not UTF-8; mend it.',
    );
    await expect(openSamples('mix.json', memorySource('x', Uint8Array.of(0xff, 0xfe, 0x5b, 0)))).rejects.toThrow(
      'data: mix.json: it is UTF-16; save it as UTF-8.',
    );
  });

  const mixed = JSON.stringify([
    good,
    { id: 'bad', conversations: [] },
    { conversations: [turn('human', 'a <image> ?'), turn('gpt', 'b')] },
    { ...good, image: 'gone.png' },
  ]);
  const images = { name: 'img', has: (path: string) => path === 'a.png' };

  test('unusable entries are counted and reported, the others are samples', async () => {
    for (const has of [images.has, async (path: string) => images.has(path)]) {
      const samples = await open(mixed, { images: { name: 'img', has } });
      expect([samples.entryCount, samples.length, [...samples.lengths]]).toEqual([4, 2, [6, -4]]);
      expect([samples.entryOf(1), (await samples.read(1)).messages[0]!.text]).toEqual([2, 'a <image> ?']);
      expect([...samples.faultCounts()]).toEqual([
        ['no conversation', 1],
        ['picture not found', 1],
      ]);
      expect([...samples.noteCounts()]).toEqual([['says <image> without a picture, read as text', 1]]);
      const told: string[] = [];
      for await (const { entry, id, reason } of samples.faults()) told.push(`${entry} ${id}: ${reason}`);
      expect(told).toEqual([
        '1 bad: has no question, and a conversation starts with a human turn',
        "3 demo-1: image 'gone.png' not found under img",
      ]);
    }
  });

  test('an index is kept, reused, and rebuilt for another file or if it is damaged', async () => {
    let kept: Uint8Array | null = null;
    let saved = 0;
    const store = (stamp: string) => ({
      stamp,
      load: async () => kept && withOffset(kept),
      save: async (index: Uint8Array) => {
        kept = index;
        saved++;
      },
    });
    const fresh = await open(mixed, { images, index: store('one') });
    const again = await open(mixed, { images, index: store('one') });
    expect(saved).toBe(1);
    expect(await readAll(again)).toEqual(await readAll(fresh));
    expect([[...again.lengths], again.faultCounts(), again.noteCounts(), again.facts(0)]).toEqual([
      [...fresh.lengths],
      fresh.faultCounts(),
      fresh.noteCounts(),
      { questionBytes: 19, isCaption: true },
    ]);
    // A picture that was put in its place meanwhile counts.
    const mended = await open(mixed, { images: { name: 'img', has: () => true }, index: store('one') });
    expect([mended.length, saved]).toEqual([3, 1]);
    await open(`${mixed}\n`, { images, index: store('two') });
    expect(saved).toBe(2);
    for (let cut = 0; cut < kept!.length; cut += 7) {
      const whole: Uint8Array = kept!;
      kept = cut % 2 ? whole.slice(0, cut) : whole.map((byte, i) => (i === cut ? byte ^ 1 : byte));
      expect((await open(mixed, { images, index: store('two') })).length).toBe(2);
      expect(kept).toEqual(whole);
    }
  });
});
