/** One line of an export with its CRLF; fields are quoted only when they must be. @see protocol 08 §2.4 */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}

/** Shortest text that reads back as the same double, always with a point or exponent: `4.0`, `1e-07`. @see protocol 08 §2.4 */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return nonFinite(value);
  const [mantissa = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? "-" : "+";
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  // Between these bounds JavaScript writes plain digits too, except for 1e-5…1e-7, which the bound above excludes.
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}
