/**
 * Preloaded into a gateway (`NODE_OPTIONS=--import`), sets its clock by `CLOCK_OFFSET_MS` from the true time, as an
 * operator or a broken time server may do it before a start.
 */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS ?? 0);
const TrueDate = Date;

globalThis.Date = class extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(TrueDate.now() + offsetMs);
    else super(...args);
  }

  static now() {
    return TrueDate.now() + offsetMs;
  }
};
