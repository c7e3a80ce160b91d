const UNITS = ['KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes for people, in units of 2^10: `512 B`, `1.5 MB`. */
export const formatBytes = (bytes: number): string => {
  if (bytes < 1_024) return `${Math.round(bytes)} B`;
  let value = bytes / 1_024;
  let unit = 0;
  // From 999.95 on it would be shown as 1000.0.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value.toFixed(1).replace(/\.0$/u, '')} ${UNITS[unit]}`;
};

/** A duration for people: `0:07`, `1:02:03`; more than it is sensible to count is `-:--`. */
export const formatDuration = (ms: number): string => {
  if (!Number.isFinite(ms) || ms >= 360_000_000) return '-:--';
  const seconds = Math.ceil(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const tail = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
};

/** Unix seconds as a time of this machine's zone: `2026-11-23 14:05`. */
export const formatTime = (unixSeconds: number): string => {
  const time = new Date(unixSeconds * 1_000);
  if (Number.isNaN(time.getTime())) return '-';
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
};
