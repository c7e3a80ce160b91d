/**
 * Preloaded into a gateway (`NODE_OPTIONS=--import`): its clock starts `CLOCK_BEHIND_MS` behind and runs `CLOCK_SPEED` times
 * as fast until it has caught up, so that what is done within a minute lies an hour apart.
 */
const behindMs = Number(process.env.CLOCK_BEHIND_MS ?? 0);
const speed = Number(process.env.CLOCK_SPEED ?? 1);
const TrueDate = Date;
const bornAt = TrueDate.now();

const now = () => {
  const trueNow = TrueDate.now();
  return Math.min(trueNow, bornAt - behindMs + (trueNow - bornAt) * speed);
};

globalThis.Date = class extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }

  static now() {
    return now();
  }
};
