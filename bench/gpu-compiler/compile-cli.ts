/**
 * @file The process that compiles, started by compile.ts with the wrapped RADV as its driver: kernels are compiled as
 * in the product, and what the wrapper wrote about each is printed as a line of JSON.
 */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CurioError, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { jobsFor } from './jobs.ts';
import type { Job } from './jobs.ts';
import { readMachineCode } from './machine-code.ts';
import { MARK } from './result.ts';
import type { Compiled, Message, Request } from './result.ts';
import { countSpirv } from './spirv.ts';

const [, , requestText = '{}', skipText = '0'] = process.argv;
const request = JSON.parse(requestText) as Request;
const folder = process.env.CURIO_RADV_OUT!;

const say = (message: Message): void => void process.stdout.write(`${MARK}${JSON.stringify(message)}\n`);

/** The subgroup size that the code is written for: the value of SG, or its default. */
function lanesOf({ source, tuning }: Job): number | null {
  const value = tuning.SG ?? source.tunables.find(({ name }) => name === 'SG')?.value;
  return value === undefined ? null : Number.parseInt(value, 10);
}

/** What the wrapper wrote about the pipeline `number`. */
function readOutput(number: number, job: Job): Compiled {
  const path = (ending: string): string => join(folder, `${number}.${ending}`);
  const lines = readFileSync(path('txt'), 'utf8').trim().split('\n');
  const text = readFileSync(path('s'), 'utf8');
  return {
    label: job.label,
    kernel: job.source.name,
    entry: job.entry,
    tuning: job.tuning,
    version: job.version,
    askedBy: job.askedBy,
    lanes: lanesOf(job),
    spirv: countSpirv(readFileSync(path('spv'))),
    statistics: Object.fromEntries(lines.map((line) => line.split('\t')).map(([name, value]) => [name, Number(value)])),
    code: readMachineCode(text),
    ...(request.withText && { text }),
  };
}

const USUAL_LANES = 32;

async function compile(gpu: Gpu, job: Job, number: number): Promise<Message> {
  const [lanes, possible] = [lanesOf(job), gpu.adapter.subgroupSize];
  if (lanes && possible && !job.askedBy.length && !request.values.SG && (lanes < possible.min || lanes > possible.max))
    return { passedOver: job.label, lanes };
  // A chip has 32 or 64; code for another size is compiled anyway, and the table says so.
  process.env.CURIO_RADV_SUBGROUP = `${lanes === 64 ? 64 : USUAL_LANES}`;
  try {
    await gpu.prepare(job.source, job.entry, job.tuning);
  } catch (error) {
    if (!(error instanceof CurioError)) throw error;
    return { refused: job.label, why: error.message.split('\n')[0]! };
  }
  if (!existsSync(join(folder, `${number}.txt`)))
    return {
      refused: job.label,
      why: 'Dawn reused a pipeline: the code is the same as that of another line',
    };
  return { compiled: readOutput(number, job) };
}

const gpu = await openGpu({ dawnToggles: request.toggles });
if (!/radv/i.test(gpu.adapter.description))
  throw new Error(`the adapter is '${gpu.adapter.description}', which is not RADV`);
const jobs = jobsFor(gpu, request);
say({ total: jobs.length });
let number = 0;
for (const job of jobs.slice(Number(skipText))) {
  say({ begins: job.label });
  const message = await compile(gpu, job, number);
  if ('compiled' in message) number++;
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  say(message);
}
process.exit(0);
