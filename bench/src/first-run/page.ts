/** @file docs/gpu.md: what a first run on a GPU measured, beside its goals. */
import { goalRows, verdictOf } from './goals.ts';
import type { PartResult } from './results-file.ts';
import { isFinding } from './report.ts';
import type { Fact } from './report.ts';

/** results.json of a first run; a note may be added where it is kept. */
export interface KeptRun {
  readonly began: string;
  readonly note?: string;
  readonly parts: readonly PartResult[];
}

const HEAD = `# On a GPU

Made by \`npm run bench:docs -- FILE\` from the results.json of \`./pack first-run\` ([how](../bench/pack/README.md)); the files are in [bench/results](../bench/results). Times are the
device's own, of many runs in one submit, after it has worked for a quarter of a second; every result was held against float64 first. \`as called\` is what the op itself
chooses, \`best\` the best of its variants and tunings. PyTorch ran on the same device in the same call, with TF32 off; its default attention over f32 uses tensor cores all the
same, in three parts of TF32, so \`MATH\` stands beside it.
`;

const cell = (value: number | null): string =>
  value === null ? '–' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

const factOf = (parts: readonly PartResult[], name: string): unknown =>
  parts.flatMap(({ reports }) => reports).find((report): report is Fact => !isFinding(report) && report.fact === name)
    ?.value;

/** The first five of each sentence that several choices share. */
function failures(parts: readonly PartResult[]): string[] {
  const sentences = parts.flatMap(({ reports }) =>
    reports.flatMap((report) =>
      isFinding(report)
        ? report.failed
          ? [`${report.op} ${report.shape} ${report.variant}: ${report.failed}`]
          : []
        : report.fact.startsWith('failed: ')
          ? [`${report.fact.slice(8)}: ${String(report.value)}`]
          : [],
    ),
  );
  return sentences.length > 5 ? [...sentences.slice(0, 5), `and ${sentences.length - 5} more`] : sentences;
}

export function gpuPage({ began, note, parts }: KeptRun): string {
  const adapter = factOf(parts, 'adapter') as { description: string; device: string } | undefined;
  const host = factOf(parts, 'host') as { processor: string; cores: number; node: string } | undefined;
  const torch = factOf(parts, 'pytorch') as { device: string; torch: string; cuda: string } | undefined;
  const places = [
    `- device: ${torch?.device ?? adapter?.device ?? 'unknown'}, driver ${adapter?.description ?? 'unknown'}`,
    `- host: ${host?.processor ?? 'unknown'}, ${host?.cores ?? '?'} cores, node ${host?.node ?? '?'}`,
    `- PyTorch ${torch?.torch ?? 'not there'}, CUDA ${torch?.cuda ?? '–'}`,
    `- ${began.slice(0, 10)}${note ? `; ${note}` : ''}`,
  ];
  const rows = goalRows(parts.flatMap(({ reports }) => reports)).map((row) => {
    const share = (value: number | null): string =>
      value === null || !row.against ? '–' : `${cell((100 * value) / row.against)} %`;
    return `| ${row.goal} | ${row.atMost ? '≤' : '≥'} ${row.due} % | ${cell(row.ours)} | ${cell(row.best)} | ${cell(row.against)} | ${row.unit} | ${share(row.ours)} | ${verdictOf(row)} |`;
  });
  const failed = failures(parts);
  return `${HEAD}
${places.join('\n')}

| goal | due | as called | best | held against | | share | |
|---|---|--:|--:|--:|---|--:|---|
${rows.join('\n')}
${failed.length > 0 ? `\nWhat failed, in the words of the run:\n\n${failed.map((sentence) => `- ${sentence}`).join('\n')}\n` : ''}`;
}
