/** The name a copy was sent under, without the mark that tells it from every other: `report.wb-2e56f990e49c.pdf`. */
export const unmarked = (sentName: string): string =>
  sentName.replace(/\.wb-[0-9a-f]{12}(?=\.[^.]*$|$)/u, '');
