export { DataError } from './errors.ts';
export { IGNORE, IMAGE_TAG, IMAGE_TOKEN, Tokens, type TokensOptions } from './tokens.ts';
export {
  drawSelfQuestions, encodeConversation, encodePlain, imageFirst, renderConversation, TEMPLATES, VUSER_TOKEN, withVuserToken,
  type Draw, type EncodedConversation, type Message, type Part, type Role, type Template, type TemplateName,
} from './conversation.ts';
export { caption, KINDS, objectPhrase, parseQuestion, QUESTIONS, type Kind, type Question } from './scenes/grammar.ts';
export { messagesOf, patchWords, textDocument, type DocumentOptions, type TextDocument } from './scenes/picture-text.ts';
export {
  CANVAS, CELL, PATCH, renderScene, sampleScene,
  type GlyphSource, type Picture, type Pose, type Scene, type SceneObject, type SceneOptions,
} from './scenes/scene.ts';
export { askOfKind, converse, type TalkOptions, type Turn } from './scenes/talk.ts';
export { sceneEmbedding, sceneTokenizerJson, VOCABULARY } from './scenes/vocabulary.ts';
export { COLORS, DESCRIBE, digitWord, NUMBERS, PLACES, SIZES, type Color, type Place, type Size } from './scenes/words.ts';
