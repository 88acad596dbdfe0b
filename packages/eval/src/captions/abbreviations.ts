/**
 * @file Words that end in a full stop of their own, as coco-caption's PTB tokenizer treats them (found by running it).
 */

const alternatives = (words: string): string =>
  words
    .split(' ')
    .sort((a, b) => b.length - a.length)
    .join('|');

/** Each letter in both cases. */
const anyCase = (words: string): string =>
  alternatives(words).replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);

/** Titles, ranks and the like: the stop stays and never ends a sentence. */
const inside = anyCase(
  'mr mrs ms dr drs prof sen rep gov gen lt col capt sgt cpl maj adm cmdr pvt rev hon pres messrs st mt ft ave dept natl assoc vs cf supt insp atty treas cie elec jos wm alex pfc spc sfc adj adv asst',
);

/** Months, firms, most states: before a capital letter the stop ends a sentence too. */
const ending = [
  anyCase(
    'jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sr jr blvd rd sq bldg inc co cos corp ltd bros plc intl univ assn est al etc ext mo tel ala ariz calif colo conn dak fla ga ind kans kan ky md mich minn mont neb nev okla penn tenn va vt wis wisc wyo esq sys bancorp rt',
  ),
  anyCase('ph\\.d ed\\.d'),
  alternatives('Miss Ark Del Ill La Mass Ore Pa Tex Wash Az MISS ARK DEL ILL LA MASS ORE PA TEX WASH AZ'),
].join('|');

/** Only before a number. */
const numbered = anyCase('fig figs no nos pp op prop art ca');

/** Capitalised words that begin a sentence after an acronym such as U.S. */
const starters = alternatives(
  'A About According Additionally After An As At But He Her Here However If In It Last Many More M[Rr]\\. M[Ss]\\. Now Once One Other Our She Since So Some Such That The Their Then There These They This We What When While Yet You',
);

const acronym = '[A-Za-z](?:\\.[A-Za-z])+\\.';

/**
 * Patterns of a word with its stop: where a second stop follows as its own token, where none does, where it is dropped.
 */
export const withStop = {
  apart: `([A-Za-z])\\.(?=\\s+(?:${starters})\\s)`,
  twice: `(?:${ending})\\.(?=\\s+(?:[A-Z]|</?[A-Za-z!][^<>@\\n]*>))|${acronym}(?=\\s+(?:${starters}|</?[A-Za-z!][^<>@\\n]*>)\\s)`,
  once: `${acronym}|(?:${inside}|${ending}|[A-Za-z]|mfg|Mfg)\\.|(?:${numbered})\\.(?=\\s*\\d)`,
};
