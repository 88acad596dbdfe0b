/** The engine's version, as its package.json has it (checked by a test). */
export const VERSION = '0.1.0';
