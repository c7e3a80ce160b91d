const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];
const STEP = 1_024;

/** A size for people, in units of 1,024, as the gateway's own texts have them. */
export const formatBytes = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(bytes) / Math.log(STEP)));
  const value = bytes / STEP ** power;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/u, '')} ${UNITS[power]}`;
};

export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** A duration in its one or two largest units. */
export const formatSeconds = (seconds: number): string => {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 60)
    return `${seconds < 10 ? seconds.toFixed(1).replace(/\.0$/u, '') : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

export const formatShare = (share: number): string =>
  share > 0 && share < 0.001 ? 'under 0.1%' : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
