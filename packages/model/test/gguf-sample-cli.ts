/** `npx tsx --conditions=source packages/model/test/gguf-sample-cli.ts FOLDER`: writes the files of gguf-sample.ts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memorySource, openSafetensors } from '@curio/nn';
import { bytesOf, sampleFiles } from './gguf-sample.ts';

const golden = readFileSync(new URL('../../testing/golden/sentence-piece.safetensors', import.meta.url));
const { tensors } = await openSafetensors(memorySource('sentence-piece', new Uint8Array(golden)));
for (const [storage, file] of await sampleFiles(await tensors.get('file.model')!.read()))
  writeFileSync(join(process.argv[2]!, `${storage}.gguf`), await bytesOf(file));
