/** The model of the demo as folders of a base and two adapters. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const TRAINED = join(root, 'apps/demo/trained/adapter');

/** Options of the base, and two adapters below `folder`: the demo's, and the same with all of its language LoRA 0. */
export function smallFolders(folder: string) {
  const [good, plain] = [join(folder, 'good'), join(folder, 'plain')];
  for (const adapter of [good, plain]) {
    cpSync(TRAINED, adapter, { recursive: true });
    const says = {
      ...{ mm_projector_type: 'cluster', mm_num_prototypes: 16, mm_prototype_iterations: 2, mm_hidden_size: 128 },
      ...{ image_aspect_ratio: 'pad', vusr: 'role', chat_template_name: 'scenes', mm_vision_select_layer: -2 },
    };
    writeFileSync(join(adapter, 'config.json'), JSON.stringify(says));
  }
  const file = join(plain, 'adapter_model.safetensors');
  const bytes = readFileSync(file);
  bytes.fill(0, 8 + Number(bytes.readBigUInt64LE()));
  writeFileSync(file, bytes);
  const base = join(root, 'apps/trainer/base');
  return { base: { model: join(base, 'language'), vision: join(base, 'vision') }, good, plain };
}
