/** METEOR and SPICE through a `java` of the test's own, which speaks as theirs do; what is missing is said. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { javaMetrics } from '../src/eval/java-metrics.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-java-'));
const jar = join(folder, 'any.jar');
writeFileSync(jar, '');
const pairs = [
  { id: 1, caption: 'a  red ||| seven', references: ['a red seven', 'seven'] },
  { id: 2, caption: 'a two', references: ['a blue two'] },
];

/** An environment in which `java` is this program. */
function withJava(name: string, program: string): Record<string, string> {
  const path = join(folder, name, 'java');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!${process.execPath}\n${program}`);
  chmodSync(path, 0o755);
  return { PATH: [dirname(path), process.env.PATH].join(delimiter) };
}

test('METEOR is called line by line, SPICE with files', async () => {
  const log = join(folder, 'log');
  const env = withJava(
    'works',
    `const fs = require('node:fs');
const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(log)}, args.slice(0, 3).join(' ') + '\\n');
if (args.includes('-out')) {
  const items = JSON.parse(fs.readFileSync(args[3], 'utf8'));
  const scores = items.map(({ image_id, refs }) => ({ image_id, scores: { All: { f: refs.length / 8 } } }));
  fs.writeFileSync(args[args.indexOf('-out') + 1], JSON.stringify(scores));
} else {
  let count = 0;
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    fs.appendFileSync(${JSON.stringify(log)}, line + '\\n');
    if (line.startsWith('SCORE')) console.log(++count + '.0 1.0');
    else console.log('0.25\\n0.75\\n0.4375');
  });
}`,
  );
  const found = await javaMetrics(pairs, { ...env, CURIO_METEOR_JAR: jar, CURIO_SPICE_JAR: jar });
  expect(found).toEqual({ scores: { METEOR: 43.75, SPICE: 18.75 }, skipped: [] });
  expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([
    `-jar -Xmx2G ${jar}`,
    'SCORE ||| a red seven ||| seven ||| a red seven',
    'SCORE ||| a blue two ||| a two',
    'EVAL ||| 1.0 1.0 ||| 2.0 1.0',
    `-jar -Xmx8G ${jar}`,
  ]);
});

test('a missing or failing metric is reported in a sentence, and the other continues', async () => {
  const skippedBy = async (env: Record<string, string>) => (await javaMetrics(pairs, env)).skipped;
  expect(await skippedBy({ CURIO_SPICE_JAR: `${jar}x` })).toEqual([
    'METEOR is not computed: CURIO_METEOR_JAR is not set; give it the path of meteor-1.5.jar.',
    `SPICE is not computed: CURIO_SPICE_JAR is ${jar}x, which is not a file; give it the path of spice-1.0.jar.`,
  ]);
  const both = { CURIO_METEOR_JAR: jar, CURIO_SPICE_JAR: jar };
  expect(await skippedBy({ ...both, PATH: folder })).toEqual([
    'METEOR is not computed: java is not on the PATH; install a Java runtime.',
    'SPICE is not computed: java is not on the PATH; install a Java runtime.',
  ]);
  const broken = withJava('broken', "console.error('\\nno heap'); process.exit(3);");
  expect(await skippedBy({ ...both, ...broken })).toEqual([
    'METEOR is not computed: java ended with 3 (no heap); try the program by itself.',
    'SPICE is not computed: java ended with 3 (no heap); try the program by itself.',
  ]);
});
