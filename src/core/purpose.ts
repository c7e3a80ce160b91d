/**
 * What a file is for. OpenAI's input purposes, by which its SDK is typed, and those that Kimi and GLM add;
 * each provider's capabilities say what it makes of each.
 */
export const purposes = [
  'user_data',
  'assistants',
  'vision',
  'batch',
  'fine-tune',
  'evals',
  'file-extract',
  'image',
  'video',
  'agent',
  'code-interpreter',
] as const;

export type Purpose = (typeof purposes)[number];

/** OpenAI's purpose for a file that is simply to be read by a model. */
export const DEFAULT_PURPOSE: Purpose = 'user_data';
