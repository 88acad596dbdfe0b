/** @file A decoded picture, as the apps hand it over. */

/** Pixels row by row, three bytes each (red, green, blue). */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}
