import { describe, expect, test } from 'vitest';
import { openGolden } from '../../testing/src/golden.ts';
import { parity } from '../../testing/src/parity.ts';
import { CLIP_MEAN, CLIP_STD, preprocessImage, preprocessorConfig, readPreprocessorConfig } from '../src/data/image.ts';
import { resizeBicubic } from '../src/data/resize.ts';

describe('against Pillow', () => {
  test.each(['shrink', 'grow', 'mixed', 'wide', 'single'])('resize %s is equal byte for byte', async (name) => {
    const golden = await openGolden('bicubic');
    const { width, height, outWidth, outHeight } = golden.config.resizes[name];
    const out = resizeBicubic({ width, height, rgb: golden.bytes(`resize.${name}.in`) }, outWidth, outHeight);
    parity('bicubic resizing', 'Pillow').same(out.rgb, golden.bytes(`resize.${name}.out`), name);
  });

  test.each(['wide', 'tall', 'square'])('CLIP preprocessing of a %s picture, padded and cropped', async (name) => {
    const golden = await openGolden('bicubic');
    const [height, width] = golden.tensor(`preprocess.${name}.in`).shape;
    const picture = { width, height, rgb: golden.bytes(`preprocess.${name}.in`) };
    const { size, mean, std } = golden.config.preprocess;
    const preprocessed = parity('CLIP preprocessing, padded and cropped', 'Pillow and NumPy');
    for (const mode of ['pad', 'crop'] as const) {
      const expected = golden.floats(`preprocess.${name}.${mode}`);
      const out = preprocessImage(picture, { size, mode, mean, std });
      preprocessed.close(out, expected, 5e-7, mode);
    }
  });
});

test('padding fills with the truncated mean colour and centres with floor offsets', () => {
  const plain = { size: 4, mode: 'pad', mean: CLIP_MEAN, std: [1, 1, 1] } as const;
  const seen = preprocessImage({ width: 4, height: 1, rgb: new Uint8Array(12).fill(9) }, plain);
  const bytes = Array.from(seen, (value, i) => Math.round((value + CLIP_MEAN[Math.floor(i / 16)]!) * 255));
  const fill = [122, 116, 104];
  expect(bytes).toEqual(fill.flatMap((value) => [0, 1, 2, 3].flatMap((y) => Array(4).fill(y === 1 ? 9 : value))));
});

test.each(['pad', 'crop'] as const)('a strip is a picture like any other: %s', (mode) => {
  const config = { size: 72, mode, mean: CLIP_MEAN, std: CLIP_STD } as const;
  for (const [width, height] of [
    [60_000, 1],
    [1, 60_000],
  ] as const) {
    const seen = preprocessImage({ width, height, rgb: new Uint8Array(3 * width * height).fill(255) }, config);
    const white = (1 - CLIP_MEAN[0]) / CLIP_STD[0];
    // Padded, a line in 60,000 leaves no trace; cropped, nothing else is there.
    expect(seen[35 * 72 + 35]).toBeCloseTo(mode === 'crop' ? white : (122 / 255 - CLIP_MEAN[0]) / CLIP_STD[0], 5);
  }
});

test('a picture of the wrong size is refused', () => {
  const config = { size: 4, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD } as const;
  expect(() => preprocessImage({ width: 2, height: 2, rgb: new Uint8Array(5) }, config)).toThrow(
    'image: 5 bytes for 2×2 pixels; RGB needs 12 and at least one pixel.',
  );
});

test('preprocessor_config.json survives a round trip', () => {
  const config = { size: 72, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD } as const;
  expect(readPreprocessorConfig(preprocessorConfig(config) as Record<string, unknown>, 'pad')).toEqual(config);
  expect(readPreprocessorConfig({ crop_size: 336 }, 'crop')).toEqual({ ...config, size: 336, mode: 'crop' });
  const refused: [object, string][] = [
    [
      { crop_size: 224 },
      'size is {"shortest_edge":336} and crop_size 224; the shorter side is made as long as the crop.',
    ],
    [{ crop_size: { height: 336, width: 300 } }, 'crop_size is {"height":336,"width":300}; the tower sees a square.'],
    [
      { size: { height: 336, width: 336 } },
      'size is {"height":336,"width":336} and crop_size 336; the shorter side is made as long as the crop.',
    ],
    [{ do_center_crop: false }, 'do_center_crop is false; only true is done.'],
    [{ resample: 2 }, 'resample is 2; only 3 is done.'],
    [{ rescale_factor: 1 }, 'rescale_factor is 1; bytes are divided by 255.'],
    [{ image_mean: 0.5 }, 'image_mean is 0.5; it must be three numbers.'],
    [
      { image_processor_type: 'SiglipImageProcessor' },
      'image_processor_type is "SiglipImageProcessor"; only "CLIPImageProcessor" or "CLIPImageProcessorFast" or "CLIPImageProcessorPil" or "CLIPFeatureExtractor" is done.',
    ],
    [{ do_flip: true }, 'do_flip is true; no such step is known.'],
  ];
  const full = preprocessorConfig({ ...config, size: 336 }) as Record<string, unknown>;
  for (const [change, text] of refused)
    expect(() => readPreprocessorConfig({ ...full, ...change }, 'pad')).toThrow(`preprocessor_config.json: ${text}`);
  expect(readPreprocessorConfig(full, 'pad', 336)).toEqual({ ...config, size: 336 });
  expect(() => readPreprocessorConfig(full, 'pad', 72)).toThrow(
    "preprocessor_config.json: crop_size is 336 and the tower sees 72; take the folder's own files.",
  );
  expect(() => readPreprocessorConfig({}, 'crop')).toThrow(
    'preprocessor_config.json: no crop_size; it must give the side of the square that the tower sees.',
  );
});
