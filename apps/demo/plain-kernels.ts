/**
 * How the built page holds kernels: without comments, indentation and spaces around marks, since the device does not
 * read them, and each shared piece of WGSL once, however many kernels use it. No line moves: tunables are found by
 * their line. Kernels for matrix units, which the page never enables, are left out.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const PIECE = '\0curio-piece:';

/** In place of a kernel that is left out: what compiling it would name. */
const LEFT_OUT = 'This page is built without kernels for matrix units.';

const plain = (text: string): string =>
  text
    .split('\n')
    .map((line) =>
      line
        .replace(/\/\/.*$/, '')
        .replace(/ ?([,;:{}()]|[+*]=?|&&|\|\||[!=]=) ?/g, '$1')
        .replaceAll('= ', '=')
        .trim(),
    )
    .join('\n');

/** @param kernels the folder of all WGSL */
export function plainKernels(kernels: string): Plugin {
  const read = (piece: string): string => readFileSync(join(kernels, piece), 'utf8');
  return {
    name: 'curio-plain-kernels',
    apply: 'build',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(PIECE) ? id : null),
    load: (id) =>
      id.startsWith(PIECE) ? `export default ${JSON.stringify(plain(read(id.slice(PIECE.length))))};` : null,
    transform(code, id) {
      if (!id.includes('/kernels/gen/')) return null;
      if (code.includes('enable chromium_experimental_subgroup_matrix;'))
        return code
          .replace(/^ {2}code: ".*",$/m, `  code: ${JSON.stringify(LEFT_OUT)},`)
          .replace(/^ {2}lib: ".*",$/m, "  lib: '',");
      const [uses] = /^ {2}uses: \[[^\]]*\],$/m.exec(code) ?? [''];
      const pieces = uses.match(/[\w/]+\.wgsl/g) ?? [];
      return (
        pieces.map((piece, i) => `import piece${i} from ${JSON.stringify(PIECE + piece)};\n`).join('') +
        code
          .replace(/^ {2}code: (".*"),$/m, (_, literal) => `  code: ${JSON.stringify(plain(JSON.parse(literal)))},`)
          .replace(/^ {2}lib: (".*"),$/m, (_, literal) => {
            if (JSON.parse(literal) !== pieces.map(read).join('\n'))
              this.error(`${id}: its shared pieces differ from kernels/lib; run: npm run codegen.`);
            return `  lib: [${pieces.map((_, i) => `piece${i}`).join()}].join('\\n'),`;
          })
      );
    },
  };
}
