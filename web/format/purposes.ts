const NAMES: Readonly<Record<string, string>> = {
  user_data: 'For a model to read',
  assistants: 'For assistants',
  vision: 'For a model to see',
  batch: 'Batch of requests',
  'fine-tune': 'Training data',
  evals: 'Evaluation data',
  'file-extract': 'Text extraction',
  image: 'Image input',
  video: 'Video input',
  agent: 'For agents',
  'code-interpreter': 'Code interpreter',
};

/** What the purpose of a file means, with the API's own word. */
export const purposeName = (purpose: string): string => {
  const name = NAMES[purpose];
  return name === undefined ? purpose : `${name} (${purpose})`;
};
