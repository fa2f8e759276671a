/** One line of an export with its CRLF; fields are quoted only when they must be. @see protocol 08 §2.4 */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}

/** Shortest text that reads back as the same double, always with a point or exponent: `4.0`, `1e-07`. @see protocol 08 §2.4 */
export function pythonFloat(value: number): string {
  const size = Math.abs(value);
  // Between these bounds JavaScript and Python write the same plain digits; exports write millions of such numbers.
  if ((size >= 1e-4 && size < 1e16) || size === 0) return Object.is(value, -0) ? "-0.0" : withPoint(value);
  if (!Number.isFinite(value)) return nonFinite(value);
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function withPoint(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}
