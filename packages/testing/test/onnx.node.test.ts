import { openGpu } from '@curio/engine';
import { expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { onnxDocument } from '../src/onnx/document.ts';
import type { Judged } from '../src/onnx/document.ts';
import { judge } from '../src/onnx/judge.ts';
import type { OnnxCase } from '../src/onnx/node.ts';

test('docs/onnx.md lists what is right and what is missing', async () => {
  const file = await openGolden('onnx');
  const gpu = await openGpu();
  const judged: Judged[number][] = [];
  for (const c of file.config.cases as OnnxCase[]) judged.push([c, await judge(gpu, file, c)]);
  gpu.close();
  expect(judged.filter(([, verdict]) => verdict.is === 'wrong').map(([c]) => c.name)).toEqual([]);
  await expect(onnxDocument(file.config.onnx, judged)).toMatchFileSnapshot('../../../docs/onnx.md');
});
