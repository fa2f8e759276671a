const ZERO = 48;
const NINE = 57;
const POINT = 46;
const MINUS = 45;
const PLUS = 43;
const COLON = 58;
const SPACE = 32;
const LETTER_T = 84;
const LETTER_Z = 90;
const MAX_EXACT_DIGITS = 15;
const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const DAY_US = 86_400_000_000;
const SHORTEST_TIMESTAMP = 19;
/** From 1 March of year 0. */
const DAYS_TO_1970 = 719_468;

/** A decimal number of the file, NaN for anything else (also for infinities, hexadecimal, blanks). Up to 15 digits are
 *  computed here: an integer below 2^53 divided by an exact power of ten is correctly rounded. */
export function numberIn(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start;
  let mantissa = 0;
  let point = -1;
  for (let at = first; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (isDigit(byte)) mantissa = mantissa * 10 + (byte - ZERO);
    else if (byte === POINT && point < 0) point = at;
    else return slowNumber(bytes, start, end);
  }
  const digits = end - first - (point < 0 ? 0 : 1);
  if (digits < 1 || digits > MAX_EXACT_DIGITS) return slowNumber(bytes, start, end);
  const value = point < 0 ? mantissa : mantissa / (POWERS[end - point - 1] ?? Number.NaN);
  return first === start ? value : -value;
}

function slowNumber(bytes: Buffer, start: number, end: number): number {
  const text = bytes.toString("latin1", start, end);
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Microseconds since 1970 of `2026-01-07 14:00:00[.f…]` (or with `T`), read as UTC unless an offset follows; NaN for
 *  anything else. Digits of the fraction beyond the sixth are dropped. @see protocol 08 §7.3 */
export function timeIn(bytes: Buffer, start: number, end: number): number {
  if (end - start < SHORTEST_TIMESTAMP) return Number.NaN;
  const separator = bytes[start + 10];
  if (separator !== SPACE && separator !== LETTER_T) return Number.NaN;
  const day = dayUs(bytes, start);
  const seconds = secondsOfDay(bytes, start + 11);
  if (end - start === SHORTEST_TIMESTAMP) return day + seconds * 1_000_000;
  return day + seconds * 1_000_000 + tailUs(bytes, start + SHORTEST_TIMESTAMP, end);
}

/** As `timeIn`, for a text. */
export function timeOf(text: string): number {
  const bytes = Buffer.from(text, "latin1");
  return timeIn(bytes, 0, bytes.length);
}

function dayUs(bytes: Buffer, start: number): number {
  if (bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS) return Number.NaN;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return Number.NaN;
  return daysSince1970(year, month, day) * DAY_US;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Counts in years that begin in March, so that the leap day is the last one. A Date object per row would cost more than
 *  the rest of the row. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - DAYS_TO_1970;
}

function secondsOfDay(bytes: Buffer, start: number): number {
  if (bytes[start + 2] !== COLON || bytes[start + 5] !== COLON) return Number.NaN;
  const hours = twoDigits(bytes, start);
  const minutes = twoDigits(bytes, start + 3);
  const seconds = twoDigits(bytes, start + 6);
  return hours < 24 && minutes < 60 && seconds < 60 ? hours * 3600 + minutes * 60 + seconds : Number.NaN;
}

function twoDigits(bytes: Buffer, at: number): number {
  const tens = (bytes[at] ?? 0) - ZERO;
  const ones = (bytes[at + 1] ?? 0) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Fraction and offset. */
function tailUs(bytes: Buffer, start: number, end: number): number {
  let at = start;
  let us = 0;
  if (bytes[at] === POINT) {
    let unit = 100_000;
    at += 1;
    const first = at;
    for (; at < end && isDigit(bytes[at] ?? 0); at += 1) {
      us += Math.floor(unit) * ((bytes[at] ?? 0) - ZERO);
      unit /= 10;
    }
    if (at === first || at - first > 9) return Number.NaN;
  }
  return at === end ? us : us - offsetUs(bytes, at, end);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** `Z`, `+00`, `+0000` or `+00:00`. */
function offsetUs(bytes: Buffer, start: number, end: number): number {
  const sign = bytes[start];
  if (sign === LETTER_Z) return end - start === 1 ? 0 : Number.NaN;
  if (sign !== PLUS && sign !== MINUS) return Number.NaN;
  const text = bytes.toString("latin1", start + 1, end);
  const match = /^(\d\d)(?::?(\d\d))?$/.exec(text);
  if (match === null) return Number.NaN;
  const us = (Number(match[1]) * 60 + Number(match[2] ?? 0)) * 60_000_000;
  return sign === PLUS ? us : -us;
}
