/** @file Right files of JSON that mutants are made of: data sets, configurations, vocabularies. */

const turns = (question: string): object[] => [
  { from: 'human', value: `<image>\n${question}` },
  { from: 'gpt', value: 'A lake.' },
  { from: 'human', value: 'Is it cold?' },
  { from: 'gpt', value: 'Yes.' },
];

/** A list as LLaVA's, and entries of all kinds that are read, as a list too. */
export const DATA_SETS: readonly string[] = [
  JSON.stringify([
    { id: 'a', image: 'coco/a.jpg', conversations: turns('What is that?') },
    { id: 2, image: ['a.jpg', 'b.jpg'], conversations: turns('<image>\nWhich?') },
    { id: 'text', conversations: turns('Hm?').slice(2) },
    { image: null, conversations: turns('Hm?') },
  ]),
  JSON.stringify([
    {
      messages: [
        { role: 'user', content: 'Hm?' },
        { role: 'assistant', content: 'Ah.' },
      ],
      images: ['a.jpg'],
    },
    {
      messages: [
        { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'Hm?' }] },
        { role: 'assistant', content: 'Ah.' },
      ],
    },
    { file_name: 'a.jpg', text: 'A lake.' },
    { id: 'drawn', conversations: [{ ...turns('Hm?')[0], self_question: false }, turns('Hm?')[1]] },
  ]),
];

/** A merged model's `config.json`, and its tower's. */
export const CONFIGS: Readonly<Record<'language' | 'tower', string>> = {
  language: JSON.stringify({
    architectures: ['LlavaLlamaForCausalLM'],
    model_type: 'llava',
    vocab_size: 360,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    rope_scaling: null,
    rope_parameters: { rope_theta: 10000, rope_type: 'default' },
    max_position_embeddings: 512,
    attention_bias: false,
    tie_word_embeddings: false,
    bos_token_id: 1,
    eos_token_id: 2,
    quantization_config: null,
    mm_projector_type: 'cluster',
    mm_hidden_size: 32,
    mm_vision_select_layer: -2,
    mm_vision_select_feature: 'patch',
    mm_vision_tower: 'vision_tower',
    mm_use_im_start_end: false,
    image_aspect_ratio: 'pad',
    image_grid_pinpoints: null,
    mm_num_prototypes: 256,
    mm_prototype_iterations: 2,
    vusr: 'role',
    chat_template_name: 'v1_sq',
    torch_dtype: 'float16',
  }),
  tower: JSON.stringify({
    model_type: 'clip',
    vision_config: {
      model_type: 'clip_vision_model',
      image_size: 28,
      patch_size: 7,
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 3,
      num_attention_heads: 4,
      hidden_act: 'quick_gelu',
      layer_norm_eps: 1e-5,
      attention_dropout: 0,
    },
    text_config: { hidden_size: 32 },
    projection_dim: 32,
  }),
};

const special = ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true, normalized: false }));
const words = (texts: readonly string[]): Record<string, number> =>
  Object.fromEntries(texts.map((text, id) => [text, id]));

/** LLaMA's kind, with bytes and merges, and one of whole words. */
export const TOKENIZERS: readonly string[] = [
  JSON.stringify({
    added_tokens: [...special, { id: 3, content: '<0x0A>', special: false, normalized: true }],
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      byte_fallback: true,
      vocab: words(['<unk>', '<s>', '</s>', '<0x0A>', '▁', 'a', 'b', 'c', 'ab', '▁a', 'abc']),
      merges: ['a b', '▁ a', ['ab', 'c'].join(' ')],
    },
  }),
  JSON.stringify({
    added_tokens: [...special, { id: 3, content: '\n', special: false, normalized: false }],
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'Lowercase' }, { type: 'Replace', pattern: { String: '1' }, content: ' one ' }],
    },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: {},
    },
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      ignore_merges: true,
      vocab: words(['<unk>', '<s>', '</s>', '\n', 'a', 'b', 'cat', 'one']),
      merges: [['a', 'b']],
    },
  }),
];
