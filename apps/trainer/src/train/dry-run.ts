/** @file Predicts the memory and time of a run before anything is allocated. */
import { existsSync } from 'node:fs';
import type { Gpu } from '@curio/engine';
import { openTokens, predictionTable, predictStage, requireFit, VUSER_TOKEN } from '@curio/model';
import type { DeviceRates, StageName } from '@curio/model';
import { EMBEDDED } from '../config/presets.ts';
import type { RunConfig } from '../config/schema.ts';
import { folderSource } from '../run/files.ts';
import { BadEntries } from './bad-entries.ts';
import { openRunData, trainableData } from './data.ts';
import { baseFolder } from './open.ts';

const STAGES: readonly (readonly [StageName, string])[] = [
  ['stage1', 'stage 1'],
  ['stage2', 'stage 2'],
];

/**
 * A table of bytes for each stage that has steps, and of time if the device's rates are known. Shapes are those of the
 * data if it and the base exist, else the longest that the configuration allows.
 * @param gpu opened with `dryRun`
 * @throws DeviceError with the table if a stage does not fit the adapter
 */
export async function describeStages(gpu: Gpu, config: RunConfig, rates?: DeviceRates): Promise<string> {
  const { base, model, train, seed } = config;
  const { stage1, stage2, images, scenes } = config.data;
  const hasData = scenes !== null || [stage1, stage2, images].every((path) => path !== null && existsSync(path));
  const hasBase = base.language === EMBEDDED || existsSync(base.language);
  const tokens =
    hasData && hasBase
      ? await openTokens(folderSource(baseFolder(config, 'language')), {
          extra: model.vusr === 'token' ? [VUSER_TOKEN] : [],
          rows: model.language.vocabSize,
        })
      : null;
  const bad = new BadEntries(config.data.onBadEntry);
  const data = tokens && (await trainableData(await openRunData(config, 'data', bad, () => {}), config, tokens, bad));
  const lines: string[] = bad.count > 0 ? [`${bad.count} entries are skipped`] : [];
  for (const [name, label] of STAGES) {
    if (train[name].steps === 0) continue;
    const options = {
      gpu,
      config: model,
      storage: base.storage,
      train,
      stage: train[name],
      seed,
      ...(data && tokens && { data: { tokens, samples: data[name] } }),
    };
    const prediction = await predictStage(options);
    await requireFit(label, options, prediction);
    lines.push(
      `${label}${data ? '' : `, every sample ${train.maxLength} ids long with an image`}`,
      predictionTable(prediction, rates),
    );
  }
  return lines.join('\n');
}
