const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const fractionsOfCents = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 6 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const instant = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en", {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  hourCycle: "h23",
  timeZone: "UTC",
});

/** Amounts below a cent keep the digits that make them more than nothing. */
export function usd(amount: number): string {
  return amount !== 0 && Math.abs(amount) < 0.01 ? fractionsOfCents.format(amount) : dollars.format(amount);
}

export function count(value: number): string {
  return whole.format(value);
}

/** One decimal at most. */
export function rate(value: number): string {
  return tenth.format(value);
}

/** A moment in the reader's own time zone. */
export function moment(date: Date): string {
  return instant.format(date);
}

/** The start of a UTC hour or day, short enough for an axis. */
export function tickLabel(start: Date, unit: "hour" | "day"): string {
  const isMidnight = start.getUTCHours() === 0;
  return unit === "day" || isMidnight ? day.format(start) : `${start.getUTCHours()}:00`;
}

/** The same in full. */
export function bucketLabel(start: Date, unit: "hour" | "day"): string {
  return unit === "day" ? day.format(start) : `${hour.format(start)}:00 UTC`;
}

/** `1 instance`, `3 instances`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
