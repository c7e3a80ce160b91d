/** Under which name each answer of the gateway is kept. */
export const keys = {
  settings: ['settings'],
  lists: ['files'],
  list: (query: object) => ['files', query],
  file: (id: string) => ['file', id],
  /** Files on their way in, as the gateway sees them. */
  allIncoming: ['incoming'],
  incoming: (id: string) => ['incoming', id],
  quota: ['quota'],
  providers: ['providers'],
  statistics: (range: string) => ['statistics', range],
  passes: ['passes'],
} as const;
