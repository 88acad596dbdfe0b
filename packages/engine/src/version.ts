/** The engine's version, as its package.json has it (kept by a test). */
export const VERSION = '0.1.0';
