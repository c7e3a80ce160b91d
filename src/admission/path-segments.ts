/** The segments without empty ones, `.` and `..`; a `..` at the top stays there. */
export const toSegments = (written: readonly string[]): readonly string[] => {
  const segments: string[] = [];
  for (const segment of written) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
};

/** Whether a normalised absolute path lies below the directory, which does not lie below itself. */
const isBelow = (path: string, directory: string): boolean => {
  const [inner, outer] = [path.split('/'), toSegments(directory.split('/'))];
  return inner.length > outer.length + 1 && outer.every((segment, i) => segment === inner[i + 1]);
};

/** Whether the path is the directory or lies below it. */
export const isWithin = (path: string, directory: string): boolean =>
  path === directory || isBelow(path, directory);
