/**
 * A cut-out of LLaMA's vocabulary with its real ids: just the pieces that the specification's examples use. Merges are
 * derived so that every piece forms; the strings between a letter and a piece get ids above LLaMA's 32,000.
 */

const FRAGMENTS =
  'ush=1878 ions=1080 ite=568 fa=5444 SS=1799 IST=9047 ANT=13566 ER=1001 US=3308 ▁US=3148 USER=11889 ▁c=274 ▁so=577 ▁pol=1248';
const WORDS = `▁A=319 ▁chat=13563 ▁between=1546 ▁a=263 ▁curious=12758 ▁user=1404 ▁and=322 ▁an=385 ▁artificial=23116 ▁intelligence=21082
  ▁assistant=20255 ▁The=450 ▁gives=4076 ▁helpful=8444 ▁detailed=13173 ▁answers=6089 ▁to=304 ▁the=278 ▁questions=5155 Also=17351 ▁is=338
  ▁virtual=6901 ▁asks=19514 ▁complex=4280 ▁that=393 ▁are=526 ▁relevant=8018 ▁content=2793 ▁in=297 ▁image=1967 ▁for=363 ▁example=1342
  ▁asking=6721 ▁about=1048 ▁background=3239 ▁knowledge=7134 ▁of=310 ▁objects=3618 ▁discuss=5353 ▁events=4959 ▁happening=10464 ▁etc=2992
  ▁Again=11454 ▁do=437 ▁not=451 ▁ask=2244 ▁uncertain=17999 ▁details=4902 What=5618 ▁animal=13019 ▁on=373 ▁grey=18345 ▁cat=6635 ▁What=1724
  ▁looking=3063 ▁at=472 ▁It=739 ▁out=714 ▁window=3474 ▁How=1128 ▁many=1784 ▁there=727 ▁Two=7803 ▁this=445
  Answer=22550 ▁question=1139 ▁using=773 ▁single=2323 ▁word=1734 ▁or=470 ▁phrase=16549`;
const LETTERS = "▁=29871 .=29889 ,=29892 :=29901 ?=29973 '=29915 s=29879 V=29963";

const parse = (text: string): [string, number][] =>
  text
    .trim()
    .split(/\s+/)
    .map((item) => [item.slice(0, item.lastIndexOf('=')), Number(item.slice(item.lastIndexOf('=') + 1))]);

/** `tokenizer.json` in the layout that Hugging Face converts LLaMA's SentencePiece model to. */
export function llamaTokenizerJson(): object {
  const pieces = [...parse(FRAGMENTS), ['▁V', 478] as [string, number], ...parse(WORDS)];
  const vocab: Record<string, number> = { '<unk>': 0, '<s>': 1, '</s>': 2 };
  for (let byte = 0; byte < 256; byte++) vocab[`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`] = 3 + byte;
  for (const [piece, id] of [...parse(LETTERS), ...pieces]) vocab[piece] = id;
  let next = 40000;
  const give = (piece: string): void => {
    if (!(piece in vocab)) vocab[piece] = next++;
  };
  const merges: [string, string][] = [];
  for (const [piece] of pieces) {
    const symbols = applyMerges([...piece], merges);
    symbols.forEach(give);
    while (symbols.length > 1) {
      const [a, b] = symbols.splice(0, 2);
      merges.push([a, b]);
      give(a + b);
      symbols.unshift(a + b);
    }
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab,
      merges: merges.map(([a, b]) => `${a} ${b}`),
    },
  };
}

/** Plain byte-pair encoding: the earliest merge that applies, until none does. */
function applyMerges(symbols: string[], merges: readonly [string, string][]): string[] {
  for (const [a, b] of merges) {
    for (let i = 0; i + 1 < symbols.length; i++)
      if (symbols[i] === a && symbols[i + 1] === b) symbols.splice(i, 2, a + b);
  }
  return symbols;
}
