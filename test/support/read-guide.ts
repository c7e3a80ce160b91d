import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const GUIDES = join(import.meta.dirname, '../../docs/guides');

/** A fenced block of a guide. */
export interface Block {
  /** The first word after the fence. */
  readonly language: string;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** The paragraph above the block, in one line. */
  readonly lead: string;
}

const FENCE = /^```(\S*)\s*$/u;

/** The fenced blocks of a guide in `docs/guides`, in their order. Throws for a fence that is not closed. */
export const readGuide = (name: string): readonly Block[] => {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | null = null;
  let lead = '';
  let isAfterGap = true;
  for (const [index, line] of readFileSync(join(GUIDES, name), 'utf8').split('\n').entries()) {
    const fence = FENCE.exec(line);
    if (open === null) {
      if (fence !== null) open = { language: fence[1] ?? '', line: index + 1, lines: [] };
      else if (line.includes('```'))
        throw new Error(`${name}:${index + 1}: a fence that is not read: ${line}`);
      else {
        if (isAfterGap && line.trim() !== '') lead = '';
        lead = `${lead} ${line}`.trim();
        isAfterGap = line.trim() === '';
      }
    } else if (fence === null) {
      open.lines.push(line);
    } else {
      blocks.push({ language: open.language, text: open.lines.join('\n'), line: open.line, lead });
      open = null;
    }
  }
  if (open !== null) throw new Error(`${name}:${open.line}: the block is not closed.`);
  return blocks;
};
