/** @file Errors of the model package; each message is one sentence, `where: what is wrong; what would be right.` */

/** A data set, an image or a tokenizer that cannot be used. */
export class DataError extends Error {
  override name = 'DataError';
}
