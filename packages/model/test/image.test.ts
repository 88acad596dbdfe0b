import { describe, expect, test } from 'vitest';
import { openGolden } from '../../testing/src/golden.ts';
import {
  CLIP_MEAN,
  CLIP_STD,
  padToSquare,
  preprocessImage,
  preprocessorConfig,
  readPreprocessorConfig,
  resizeBicubic,
} from '../src/data/image.ts';

describe('against Pillow', () => {
  test.each(['shrink', 'grow', 'mixed', 'wide', 'single'])('resize %s is equal byte for byte', async (name) => {
    const golden = await openGolden('bicubic');
    const { width, height, outWidth, outHeight } = golden.config.resizes[name];
    const out = resizeBicubic({ width, height, rgb: golden.bytes(`resize.${name}.in`) }, outWidth, outHeight);
    expect([...out.rgb]).toEqual([...golden.bytes(`resize.${name}.out`)]);
  });

  test.each(['wide', 'tall', 'square'])('CLIP preprocessing of a %s picture, padded and cropped', async (name) => {
    const golden = await openGolden('bicubic');
    const [height, width] = golden.tensor(`preprocess.${name}.in`).shape;
    const picture = { width, height, rgb: golden.bytes(`preprocess.${name}.in`) };
    const { size, mean, std } = golden.config.preprocess;
    for (const mode of ['pad', 'crop'] as const) {
      const expected = golden.floats(`preprocess.${name}.${mode}`);
      const out = preprocessImage(picture, { size, mode, mean, std });
      expect(Math.max(...out.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-6);
    }
  });
});

test('padding fills with the truncated mean colour and centres with floor offsets', () => {
  const wide = padToSquare({ width: 4, height: 1, rgb: new Uint8Array(12).fill(9) });
  expect([wide.width, wide.height]).toEqual([4, 4]);
  expect([...wide.rgb.slice(0, 3)]).toEqual([122, 116, 104]);
  expect([...wide.rgb.slice(12, 15)]).toEqual([9, 9, 9]);
});

test('a picture of the wrong size is refused', () => {
  const config = { size: 4, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD } as const;
  expect(() => preprocessImage({ width: 2, height: 2, rgb: new Uint8Array(5) }, config)).toThrow(
    'image: 5 bytes for 2×2 pixels; RGB needs 12 and at least one pixel.',
  );
});

test('preprocessor_config.json goes round', () => {
  const config = { size: 72, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD } as const;
  expect(readPreprocessorConfig(preprocessorConfig(config) as Record<string, unknown>, 'pad')).toEqual(config);
  expect(readPreprocessorConfig({ crop_size: 336 }, 'crop')).toEqual({ ...config, size: 336, mode: 'crop' });
  expect(() => readPreprocessorConfig({}, 'crop')).toThrow(
    'preprocessor_config.json: no crop_size; it must give the side of the square that the tower sees.',
  );
});
