/** @file Prints the trace of the small model as JSON: the side that runs in Node when a browser test compares. */
import { traceSmallModel } from './small-model-trace.ts';

console.log(JSON.stringify(await traceSmallModel(JSON.parse(process.argv[2] ?? '[]') as number[])));
