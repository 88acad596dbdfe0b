/** ONNX's node tests, each operator of the table on the device; made by packages/testing/python/onnx_cases.py. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { expressions, judge } from '../src/onnx/judge.ts';
import type { OnnxCase } from '../src/onnx/node.ts';

const file = await openGolden('onnx');
const cases: OnnxCase[] = file.config.cases;

describe.each(['all', 'portable'] as const)('features: %s', (features) => {
  let gpu: Gpu;
  beforeAll(async () => void (gpu = await openGpu({ features })));
  afterAll(() => gpu.close());

  test.each(Object.keys(expressions).sort())('%s', async (operator) => {
    const wrong: string[] = [];
    let right = 0;
    for (const c of cases.filter((each) => each.operator === operator)) {
      const verdict = await judge(gpu, file, c);
      if (verdict.is === 'wrong') wrong.push(`${c.name}: ${verdict.why}`);
      right += Number(verdict.is === 'right');
    }
    expect(wrong).toEqual([]);
    expect(right, `${operator} stands in the table and no case of it is expressed`).toBeGreaterThan(0);
  });
});
