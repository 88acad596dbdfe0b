/** @file Adapters on the page's base model: opened beside the model in use, and freed. */
import { openModel } from '@curio/model';
import type { SqLlava } from '@curio/model';
import { memorySource } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';
import type { AdapterFiles } from './adapter-zip.ts';
import type { Workshop } from './workshop.ts';

const VISION = 'Vit-lora/';

function folderOf(files: AdapterFiles, prefix = ''): ByteFolder {
  return {
    name: 'adapter',
    open: async (name) => {
      const bytes = files[prefix + name];
      return bytes && memorySource(name, bytes);
    },
  };
}

/** A model of its own on the shared base. @param files null: the adapter that the page came with */
export async function openLearner({ gpu, model, folder }: Workshop, files: AdapterFiles | null): Promise<SqLlava> {
  const isVision = files && Object.keys(files).some((name) => name.startsWith(VISION));
  const adapter = files
    ? { adapter: folderOf(files), visionAdapter: isVision ? folderOf(files, VISION) : null }
    : { adapter: folder('adapter'), visionAdapter: folder('adapter/Vit-lora') };
  const base = { language: folder('language')!, vision: folder('vision')! };
  return (await openModel(gpu, model.config, { ...base, ...adapter }, { sharesBaseOf: model })).model;
}

/** Frees the memory that `model` does not share with `original`. */
export function releaseLearner(model: SqLlava, original: SqLlava): void {
  const shared = new Set(original.parameters);
  for (const parameter of model.parameters) if (!shared.has(parameter)) parameter.dispose();
}
