/** Where the time went: `node bench/top-functions.ts FILE.cpuprofile…`, for what `--profile DIR` wrote. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** In microseconds, before each sample. */
  readonly timeDeltas: readonly number[];
}

const SHOWN = 30;
const NOT_COMPUTING = new Set(['(idle)']);

const placeOf = (url: string): string => {
  if (!url.startsWith('file:')) return url === '' ? 'native' : url;
  const path = fileURLToPath(url);
  const inPackage = /.*node_modules\/(.*)$/u.exec(path)?.[1];
  return inPackage ?? relative(process.cwd(), path);
};

/** The package or the room of the house. */
const groupOf = (place: string): string => {
  const parts = place.split('/');
  const room = parts.indexOf('src');
  if (room >= 0 && parts.length > room + 2) return parts.slice(room, room + 2).join('/');
  return place.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? place);
};

/** Whose work the time was: the nearest caller that is not Node itself. */
const ownerOf = (node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string => {
  for (let at: ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id)) {
    if (at.callFrame.url.startsWith('file:')) return placeOf(at.callFrame.url);
  }
  return node.callFrame.functionName.startsWith('(') ? node.callFrame.functionName : 'Node itself';
};

const print = (title: string, times: ReadonlyMap<string, number>, totalUs: number): void => {
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  const lines = sorted.map(([name, us]) => `${((us / totalUs) * 100).toFixed(1).padStart(6)} %  ${name}`);
  process.stdout.write(`${title}\n${lines.join('\n')}\n\n`);
};

const add = (times: Map<string, number>, name: string, us: number): void => {
  times.set(name, (times.get(name) ?? 0) + us);
};

const summarize = (path: string): void => {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  const functions = new Map<string, number>();
  const owned = new Map<string, number>();
  const groups = new Map<string, number>();
  let totalUs = 0;
  for (const [index, id] of samples.entries()) {
    const us = timeDeltas[index] ?? 0;
    const node = byId.get(id);
    if (node === undefined || NOT_COMPUTING.has(node.callFrame.functionName)) continue;
    const { functionName, url, lineNumber } = node.callFrame;
    const owner = ownerOf(node, parents);
    // Native functions have no place of their own; without whose they are they say nothing.
    const place = url === '' ? `for ${owner}` : `${placeOf(url)}:${lineNumber + 1}`;
    add(functions, `${functionName || '(anonymous)'}  ${place}`, us);
    add(groups, groupOf(owner), us);
    add(owned, owner, us);
    totalUs += us;
  }
  process.stdout.write(
    `${path}: ${(totalUs / 1e6).toFixed(2)} s busy on this thread, waiting for a core included\n\n`,
  );
  print('by package or room, with what it has Node do', groups, totalUs);
  print('by file, the same', owned, totalUs);
  print('by function, self time', functions, totalUs);
};

for (const path of process.argv.slice(2)) summarize(path);
