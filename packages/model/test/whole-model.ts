/** @file The tiny model of whole.safetensors. */
import type { Gpu } from '@curio/engine';
import { SqLlava } from '@curio/model';
import type { ModelConfig } from '@curio/model';
import { Weights } from '@curio/nn';
import type { StoredTensor } from '@curio/nn';
import type { GoldenFile as Golden } from '@curio/testing/golden';
import { LANGUAGE_TARGETS, VISION_TARGETS } from '../src/config.ts';

/** Published prefix of each of our scopes. */
const SCOPES = { vision: 'model.vision_tower.vision_tower.', projector: 'model.mm_projector.', language: '' } as const;
export const publishedName = (name: string): string => {
  const scope = name.slice(0, name.indexOf('.')) as keyof typeof SCOPES;
  return SCOPES[scope] + name.slice(scope.length + 1);
};

function configOf(file: Golden): ModelConfig {
  const { vision, language, projector, visionLora, languageLora } = file.config as Record<
    string,
    Record<string, number>
  >;
  return {
    vision: {
      imageSize: vision!.image_size!,
      patchSize: vision!.patch_size!,
      hiddenSize: vision!.hidden_size!,
      intermediateSize: vision!.intermediate_size!,
      numLayers: vision!.num_hidden_layers!,
      numHeads: vision!.num_attention_heads!,
      layerNormEps: vision!.layer_norm_eps!,
      selectLayer: -2,
    },
    projector: { kind: 'cluster', numPrototypes: projector!.prototypes!, iterations: projector!.iterations! },
    language: {
      vocabSize: language!.vocab_size!,
      hiddenSize: language!.hidden_size!,
      intermediateSize: language!.intermediate_size!,
      numLayers: language!.num_hidden_layers!,
      numHeads: language!.num_attention_heads!,
      numKeyValueHeads: language!.num_key_value_heads!,
      rmsNormEps: language!.rms_norm_eps!,
      ropeTheta: 10000,
      maxPositions: language!.max_position_embeddings!,
    },
    languageLora: { r: languageLora!.r!, alpha: languageLora!.alpha!, dropout: 0, targets: LANGUAGE_TARGETS },
    visionLora: { r: visionLora!.r!, alpha: visionLora!.alpha!, dropout: 0, targets: VISION_TARGETS },
    vusr: 'role',
    template: 'scenes',
    systemText: null,
  };
}

/** The model of whole.safetensors, or of another file with the same keys. */
export async function openWholeModel(
  gpu: Gpu,
  golden: Golden,
  chat: Partial<Pick<ModelConfig, 'template' | 'systemText'>> = {},
): Promise<SqLlava> {
  const stored = new Map(
    [...golden.under('weights.')].map(([name, { shape, data }]): [string, StoredTensor] => [
      name,
      {
        dtype: 'F32',
        shape,
        file: 'whole',
        read: () => Promise.resolve(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
      },
    ]),
  );
  const weights = new Weights(gpu, {
    parts: Object.entries(SCOPES).map(([at, prefix]) => ({ at, tensors: stored, prefixes: [prefix] })),
  });
  const model = new SqLlava(weights, { ...configOf(golden), ...chat });
  await weights.load();
  return model;
}
