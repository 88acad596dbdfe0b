/**
 * @file Captions split into the words of the Penn Treebank, as coco-caption's tokenizer (Stanford CoreNLP 3.4.1,
 * -preserveLines -lowerCase) splits them, by rules of our own that were found by running it. At each position the
 * longest rule wins, the first among equals. Lines are split together, since a line's first word can decide whether the
 * stop before it ends a sentence.
 *
 * Of 20,000 made-up captions with odd words, none of them used to find the rules, one is split differently; of 4,000
 * pairs of odd words without a space between them (`Inc.o'clock`, `it’sexample.com`) 40 are.
 */
import { withStop } from './abbreviations.ts';

const word = '[\\p{L}\\p{M}\\u2011\\xad]';
const part = `(?:${word}|\\p{Nd})`;
const begin = `${word}${part}*`;
const apart = '(?![\\p{L}\\p{Nd}])';
/** No further letters of the word; an ending of it may follow. */
const reduced = "'(?:[msd]|re|ve|ll)(?![A-Za-z])";

/**
 * A rule: what it matches (or a group of it, if what follows decides but is split again), and the tokens it gives; null
 * for the matched text itself.
 */
type Rule = [pattern: string, tokens: ((text: string) => string[]) | null, flags?: string];

/** Characters and entities, and the token each becomes. */
const named: Record<string, string> = {
  ...{ '(': '-lrb-', ')': '-rrb-', '[': '-lsb-', ']': '-rsb-', '{': '-lcb-', '}': '-rcb-' },
  ...{ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': "''", '&apos;': "'" },
  ...{ '¢': 'cents', '€': '$', '£': '#', '½': '1/2', '¼': '1/4', '¾': '3/4', '⅓': '1/3', '⅔': '2/3' },
};
const round = (text: string): string => text.replace(/[()]/g, (bracket) => named[bracket]);
const hard = (text: string): string => text.replaceAll(' ', '\u00a0');
const split = (at: number) => (text: string) => [text.slice(0, at), text.slice(at)];
const extensions =
  'bat|bmp|c|class|cgi|cpp|dll|doc|docx|exe|gif|gz|h|htm|html|jar|java|jpe?g|mov|mp3|pdf|php|pl|png|ppt|ps|py|sql|tar|txt|wav|x|xml|zip';
const label = `${word}(?:${part}|[+/])*`;
const urlEnd = '[^\\s"<>|.!?(){},-]';

const rules: Rule[] = [
  // Mark-up and addresses.
  [
    '<(?:[!?][A-Za-z-][^>\\n]*|/?[A-Za-z][A-Za-z0-9_:.-]*(?: +(?:[A-Za-z][A-Za-z0-9_:.-]*(?: *= *(?:"[^"\\n]*"|\'[^\'\\n]*\'|[A-Za-z0-9]+))?))*) */?>',
    (text) => [hard(text)],
  ],
  [`https?://[^\\s"<>|()]+${urlEnd}`, null, 'i'],
  [`(?:www\\.(?:${label}\\.)+[a-zA-Z]{2,4}|(?:${label}\\.)+(?:com|net|org|edu))(?:/[^\\s"<>|()]+${urlEnd})?`, null],
  ['<?[a-zA-Z0-9][^\\s"<>|()]*@(?:[^\\s"<>|().]+\\.)*[^\\s"<>|().]+>?', null],
  [`@[A-Za-z_][A-Za-z_0-9]*|#${word}+`, null],
  [`${part}+(?:\\.${part}+)*\\.(?:${extensions})(?=[\\s.?!,]|$)`, null, 'i'],

  // Words in two tokens.
  [`(can)not${apart}`, null, 'i'],
  [`(?:gon|wan)na${apart}|gotta${apart}|lemme${apart}|gimme${apart}`, split(3), 'i'],
  [`('t)(?:is|was)`, null, 'i'],

  // Words with a stop or an apostrophe of their own.
  [withStop.apart, null],
  [withStop.twice, (text) => [text, '.']],
  [withStop.once, null],
  [`${part}+\\.(?=[,;:、])`, null],
  [`${begin}(?:[.!?]${begin})+`, null],
  [
    `(?:somethin'|dunkin'|ol'(?!${word})|c'mon|ma'am|cap'n|ev'ry|[eo]'er|ne'er|hawai'i${word}*|qu'il|c'est|s'mores)${apart}`,
    null,
    'i',
  ],
  ["'(?:em|cause|till?|[0-9]0s)|'[0-9]{2}(?=\\s|$)", null, 'i'],
  ["'n'|'n(?=\\s|$)", null, 'i'],
  [`[A-HJ-XZn]'${word}{2,}`, null],
  [`[yYjJ]'(?=${word})`, null],

  // Endings of words.
  [`(${word}*[a-mo-z])n't`, null, 'i'],
  ["n't(?![A-Za-z])", null, 'i'],
  [reduced, null, 'i'],

  // Words, hyphenated or with slashes, numbers, telephone numbers.
  [`(?:[dDoOlL]['’]${part})?${part}+(?:[-_](?:[dDoOlL]['’]${part})?${part}+)*`, null],
  ['[A-Z]+(?:[+&][A-Z]+)+', null],
  [`[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}`, null],
  [`${part}(?:${part}|[.,])*(?:-${part}+)+`, null],
  [`${part}(?:${part}|[.,])*(?:-${part}+)*-[A-Za-z](?:\\.[A-Za-z])+\\.`, null],
  ['[Cc]\\+\\+|[cCfF]#', null],
  ['[+-]?(?:\\p{Nd}+(?:[.:,]\\p{Nd}+)*|(?:[.:,]\\p{Nd}+)+)', null],
  ['\\p{Nd}{1,2}[-/]\\p{Nd}{1,2}[-/]\\p{Nd}{2,4}', null],
  ['(?:\\p{Nd}{1,4}[- ])?\\p{Nd}{1,4}/\\p{Nd}{1,4}', (text) => [hard(text)]],
  [
    '(?:\\(\\p{Nd}{2,3}\\)[ \\xa0]?|(?:\\+\\+?)?(?:\\p{Nd}{2,4}[- \\xa0])?\\p{Nd}{2,4}[- \\xa0])\\p{Nd}{3,4}[- \\xa0]?\\p{Nd}{3,5}',
    (text) => [round(hard(text))],
  ],
  ['[A-Z]*\\$', null],

  // Emoticons.
  [`[<>]?[:;=][-o*']?[()DPdpO\\\\{|@\\[\\]]${apart}`, (text) => [round(text)]],
  ['\\^_\\^|-_-|[oO]_[oO]', null],

  // Punctuation.
  ['\\.{3,5}|(?:\\. ){2,}\\.|…', () => ['...']],
  ['-{2,4}|[–—]', () => ['--']],
  ['[?!]{2,}', null],
  ['\\\\?\\*+|_+|#+|<<|>>|-{5,}', null],
  ['"(?=[A-Za-z0-9$])|“', () => ['``']],
  ['"|”', () => ["''"]],
  ["''|``", null],
  ["'(?=[A-Za-z][^\\s])|‘", () => ['`']],
  ['’', () => ["'"]],
  ['&(?:amp|lt|gt|quot|apos);', (text) => [named[text.toLowerCase()]], 'i'],
  ['&#\\d+;', null],
  ['[([{)\\]}¢€£½¼¾⅓⅔]', (text) => [named[text]]],
];

const compiled = rules.map(([pattern, tokens, flags = '']) => ({ pattern: new RegExp(pattern, `yu${flags}`), tokens }));
const passedOver = /[\s\u200b\ufeff]|&nbsp;|[\ud800-\udfff]|[\u{10000}-\u{10ffff}]/uy;

/** The tokens of each line, in lower case. */
export function ptbTokens(lines: readonly string[]): string[][] {
  // In endings both apostrophes are treated alike.
  const text = lines
    .map((line) => line.replaceAll('\n', ' '))
    .join('\n')
    .replace(/(?<=[nN])’(?=[tT](?![A-Za-z]))|’(?=(?:[smd]|re|ve|ll)(?![A-Za-z]))/gi, "'");
  const out: string[][] = [[]];
  for (let at = 0; at < text.length; ) {
    if (text[at] === '\n') {
      out.push([]);
      at++;
      continue;
    }
    passedOver.lastIndex = at;
    const skipped = passedOver.exec(text);
    if (skipped) {
      at += skipped[0].length;
      continue;
    }
    let best = { text: String.fromCodePoint(text.codePointAt(at)!), tokens: null as Rule[1] };
    let length = 0;
    for (const { pattern, tokens } of compiled) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (found && found[0].length > length) {
        best = { text: found[1] ?? found[0], tokens };
        length = found[0].length;
      }
    }
    at += best.text.length;
    out[out.length - 1].push(
      ...(best.tokens?.(best.text) ?? [best.text]).map((token) => token.toLowerCase().replaceAll('\u00ad', '')),
    );
  }
  return out;
}

/** Punctuation that coco-caption drops afterwards, in its spelling before lower-casing, so that brackets stay. */
const dropped = new Set([
  "''",
  "'",
  '``',
  '`',
  '-LRB-',
  '-RRB-',
  '-LCB-',
  '-RCB-',
  '.',
  '?',
  '!',
  ',',
  ':',
  '-',
  '--',
  '...',
  ';',
]);

/** Tokenised captions, words separated by single spaces, as BLEU, ROUGE-L and CIDEr-D take them. */
export const tokenise = (captions: readonly string[]): string[] =>
  ptbTokens(captions).map((tokens) => tokens.filter((token) => !dropped.has(token)).join(' '));
