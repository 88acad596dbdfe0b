/** @file Checks that the sizes of a model are compatible, with errors that name the configuration's keys. */
import { ConfigError } from '@curio/engine';
import type { ModelConfig } from './config.ts';

/**
 * @param where begins the path of a key in errors
 * @throws ConfigError for the first two sizes that do not fit
 */
export function checkModelSizes({ vision, language }: ModelConfig, where = 'model'): void {
  const divides = (part: string, whole: [string, number], by: [string, number], things: string): void => {
    const [[wholeName, size], [byName, parts]] = [whole, by];
    if (size % parts === 0) return;
    const near = Math.max(1, Math.round(size / parts)) * parts;
    throw new ConfigError(
      `config: ${where}.${part}.${wholeName} is ${size} and ${byName} ${parts}; ${wholeName} must be a whole number of ${things}, such as ${near}.`,
    );
  };
  const heads = (part: string, { hiddenSize, numHeads }: { hiddenSize: number; numHeads: number }): void => {
    if (hiddenSize % numHeads === 0) return;
    const near = Array.from({ length: hiddenSize }, (_, i) => i + 1)
      .filter((n) => hiddenSize % n === 0)
      .reduce((best, n) => (Math.abs(n - numHeads) < Math.abs(best - numHeads) ? n : best));
    throw new ConfigError(
      `config: ${where}.${part}.numHeads is ${numHeads} and hiddenSize ${hiddenSize}; heads must divide it, such as ${near}.`,
    );
  };
  divides('vision', ['imageSize', vision.imageSize], ['patchSize', vision.patchSize], 'patches');
  heads('vision', vision);
  if (vision.selectLayer < -vision.numLayers - 1)
    throw new ConfigError(
      `config: ${where}.vision.selectLayer is ${vision.selectLayer} and numLayers ${vision.numLayers}; it counts from the end of ${vision.numLayers + 1} hidden states, so at least ${-vision.numLayers - 1}.`,
    );
  heads('language', language);
  divides(
    'language',
    ['numHeads', language.numHeads],
    ['numKeyValueHeads', language.numKeyValueHeads],
    'groups of key-value heads',
  );
  const width = language.hiddenSize / language.numHeads;
  if (width % 2 !== 0)
    throw new ConfigError(
      `config: ${where}.language.numHeads is ${language.numHeads} and hiddenSize ${language.hiddenSize}, so a head is ${width} wide; rotary positions turn pairs, so it must be even.`,
    );
}
