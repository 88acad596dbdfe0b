// The table in kernels/README.md, made from the kernels' head comments and from who imports them.
export interface TableRow {
  name: string;
  code: string;
  usedBy: string[];
}

const heading = `# Kernels

All GPU text of this repository and nothing else. Each file is whole WGSL; the shared pieces in [lib](lib) that its head names (\`// uses: …\`) are appended after
it, so an error line is the line in the file. Lines marked \`// tune:\` are the only ones the loader changes. \`npm run codegen\` reads the files and writes
[gen](gen) (data that the engine bundles) and this table; [CONTRIBUTING](../CONTRIBUTING.md) says how to add one. All arithmetic is f32.

A folder is a family of ops, named as in packages/engine/src/ops. A kernel called \`naive\` is the plain form that the others of its op replace; it stays, as
what they are measured beside and what runs where they do not fit. In reduce it is called \`rows\`; an op without one has kernels in plain form only. The op
table holds each against float64.

| kernel | what it computes | grid | traffic | used by |
|---|---|---|---|---|
`;

/** The head comment's lines, without slashes and directives. */
const headOf = (code: string): string[] =>
  code
    .split('\n')
    .slice(
      0,
      code
        .split('\n')
        .findIndex((line) => line !== '' && !line.startsWith('//') && !/^(enable|requires|diagnostic)\b/.test(line)),
    )
    .filter((line) => line.startsWith('//') && !line.startsWith('// uses:'))
    .map((line) => line.slice(2));

/** `Grid: …` up to the next sentence. */
const sentence = (text: string, word: string): string =>
  new RegExp(`\\b${word}: (.*?)(?:\\. (?=[A-Z])|\\.?$)`, 's').exec(text)?.[1].trim() ?? '';

const cell = (text: string): string =>
  text.replace(/\|/g, '\\|').replace(/\*/g, '\\*').replace(/</g, '&lt;').replace(/_/g, '\\_').replace(/\s+/g, ' ');

export function kernelTable(rows: TableRow[]): string {
  return (
    heading +
    rows
      .map(({ name, code, usedBy }) => {
        const head = headOf(code);
        const isFormula = (line: string) => /^ {3,}\S/.test(line);
        const prose = head
          .filter((line) => !isFormula(line))
          .map((line) => line.trim())
          .join(' ');
        const summary = prose.replace(/^[\w/]+: /, '').split(/\. (?=[A-Z])|\.$/)[0];
        const formulas = head.filter(isFormula).map(
          (line) =>
            `\`${line
              .trim()
              .replace(/\|/g, '\\|')
              .replace(/\s{2,}/g, '  ')}\``,
        );
        const users = usedBy.map((file) => `[${file.split('/').pop()!.replace(/\.ts$/, '')}](../${file})`).join(', ');
        return `| [${name}](${name}.wgsl) | ${[cell(summary), ...formulas].join('<br>')} | ${cell(sentence(prose, 'Grid'))} | ${cell(sentence(prose, 'Traffic'))} | ${users} |\n`;
      })
      .join('')
  );
}
