import type { Block } from './read-guide.ts';

export interface Part {
  readonly code: Block;
  /** What the guide shows as its output. */
  readonly shown: Block | null;
}

type Language = 'sh' | 'js' | 'html';

/** What is run at once: a shell block, a page, or the JavaScript blocks that make one program. */
export interface Step {
  readonly language: Language;
  readonly parts: readonly Part[];
  readonly title: string;
}

/**
 * The steps of a guide. A JavaScript block that begins with `import` begins a program, and those after it go on with it.
 * `text` and `json` blocks are what the block before prints. Throws for a block that nobody would run or compare.
 */
export const stepsOf = (blocks: readonly Block[]): readonly Step[] => {
  const steps: { language: Language; parts: { code: Block; shown: Block | null }[] }[] = [];
  for (const block of blocks) {
    const step = steps.at(-1);
    const part = step?.parts.at(-1);
    const unknown = new Error(`Line ${block.line}: nobody runs or compares this ${block.language} block.`);
    if (block.language === 'text' || block.language === 'json') {
      if (part === undefined || part.shown !== null) throw unknown;
      part.shown = block;
    } else if (isBeginning(block)) {
      steps.push({ language: block.language, parts: [{ code: block, shown: null }] });
    } else if (block.language === 'js' && step?.language === 'js') {
      step.parts.push({ code: block, shown: null });
    } else {
      throw unknown;
    }
  }
  return steps.map(({ language, parts }) => ({ language, parts, title: titleOf(parts) }));
};

const isBeginning = (block: Block): block is Block & { language: Language } =>
  block.language === 'sh' ||
  block.language === 'html' ||
  (block.language === 'js' && block.text.startsWith('import '));

const titleOf = ([first, ...others]: readonly Part[]): string =>
  [`line ${first?.code.line}`, ...others.slice(-1).map(({ code }) => `to ${code.line}`)].join(' ');
