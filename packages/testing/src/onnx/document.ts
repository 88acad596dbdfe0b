/** @file docs/onnx.md from the verdicts on ONNX's cases. */
import type { OnnxCase } from './node.ts';
import { TOLERANCE } from './judge.ts';
import type { Verdict } from './judge.ts';

export type Judged = readonly (readonly [c: OnnxCase, verdict: Verdict])[];

/** How many there are of each name, the most frequent first. */
function counted(names: readonly string[]): [name: string, count: number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The page, for verdicts of which none is wrong. */
export function onnxDocument(onnx: string, judged: Judged): string {
  const lacking = (lack: string): [OnnxCase, string][] =>
    judged.flatMap(([c, verdict]) => (verdict.is === 'missing' && verdict.lack === lack ? [[c, verdict.what]] : []));
  const [ops, types, options, sizes] = ['op', 'type', 'option', 'size'].map(lacking) as [OnnxCase, string][][];
  const right = judged.filter(([, verdict]) => verdict.is === 'right');
  const inTheirOwn = right.filter(([c]) =>
    [...c.inputs, ...c.outputs].every((each) => each?.type !== 'double' && each?.type !== 'int64'),
  );
  const operators = [...new Set(right.map(([c]) => c.operator))].sort();
  const of = (list: readonly (readonly [OnnxCase, unknown])[], operator: string): number =>
    list.filter(([c]) => c.operator === operator).length;
  const causes = (list: [OnnxCase, string][]): (string | number)[][] =>
    counted(list.map(([, what]) => what)).map(([what, count]) => [
      what,
      count,
      counted(list.flatMap(([c, each]) => (each === what ? [c.operator] : [])))
        .map(([operator]) => operator)
        .join(', '),
    ]);
  return `# ONNX's node tests

Made by \`npm test -- packages/testing/test/onnx.node.test.ts -u\`, kept fresh by the same test.

ONNX ${onnx} has ${judged.length} cases of one operator. Curio reads no ONNX files; the cases are a truth from outside: tables in \`packages/testing/src/onnx\`
say an operator in the engine's ops, and \`npm test\` runs every case that they express, in Node and in Chromium. ${right.length} are right, none is wrong; ${inTheirOwn.length} of them in
their own types, the others with int64 held as i32 (indices above all) or double as f32. The rest lack an op (${ops.length}), a type (${types.length}) or an option
(${options.length}), and the values of ${sizes.length} are too large to keep.

A float may be off by ${TOLERANCE.own} of itself and ${TOLERANCE.greatest} of the greatest of its tensor; all else is equal, NaN to NaN. The values stand in
\`packages/testing/golden/onnx.safetensors\`, made by \`packages/testing/python/onnx_cases.py\`.

## Operators that the ops express

${table(
  ['operator', 'cases', 'right', 'type missing', 'option missing', 'too large'],
  operators.map((operator) => [
    operator,
    of(judged, operator),
    of(right, operator),
    of(types, operator) || '',
    of(options, operator) || '',
    of(sizes, operator) || '',
  ]),
)}

## Missing options

${table(['option', 'cases', 'operators'], causes(options))}

## Missing types

Arithmetic is f32; i32, u32 and bool are compared, chosen and moved; f16 and bf16 are storage.

${table(['type', 'cases', 'operators'], causes(types))}

## Missing ops

${counted(ops.map(([c]) => c.operator))
  .map(([operator, count]) => `${operator} ${count}`)
  .join(', ')}.

## Too large to keep

${sizes.map(([c]) => `\`${c.name}\``).join(', ')}.
`;
}
