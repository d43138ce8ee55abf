// Scales, ticks and numbers of an axis. An axis is {low, high, log, label, unit} in the units of the data.

const SUFFIXES = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];
const COUNTS = new Set(["parameters", "tokens", "samples", "examples", "bytes", "characters", "images", "sequences", "steps"]);

/** Shortly: counts as 70M or 1.5B, FLOP as 1e21, the rest as it is; as format_value of the figures writes it. */
export function formatValue(value, unit = "") {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "–";
  if (unit === "FLOP" && value > 0) {
    const [mantissa, exponent] = value.toExponential(1).split("e");
    return `${mantissa.replace(".0", "")}e${Number(exponent)}`;
  }
  if (COUNTS.has(unit) && value < 1e15) {
    for (const [size, suffix] of SUFFIXES) if (value >= size * 0.9995) return `${Number((value / size).toPrecision(3))}${suffix}`;
  }
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) {
    return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(4)));
}

/** Where a value lies between the ends of an axis, from 0 to 1, and back. */
export function toFraction(axis, value) {
  if (axis.log) return Math.log(value / axis.low) / Math.log(axis.high / axis.low);
  return (value - axis.low) / (axis.high - axis.low);
}

export function fromFraction(axis, fraction) {
  if (axis.log) return axis.low * (axis.high / axis.low) ** fraction;
  return axis.low + (axis.high - axis.low) * fraction;
}

function evenTicks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((s) => s * power >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-12); k += 1) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high, most) {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.max(1, Math.ceil((to - from) / most));
  const within = every > 1 || to - from > most / 2 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let decade = from; decade <= to; decade += 1) {
    if (decade % every !== 0) continue;
    for (const m of within) ticks.push(Number(`${m}e${decade}`));
  }
  return ticks.filter((t) => t >= low * 0.9999 && t <= high * 1.0001);
}

/** A handful of readable ticks; a short logarithmic range has evenly spaced ones. */
export function findTicks(axis, pixels) {
  if (axis.ticks) return axis.ticks;
  const most = Math.max(2, Math.floor(pixels / 70));
  const ticks = (axis.log && axis.high / axis.low > 8 ? logTicks(axis.low, axis.high, most) : evenTicks(axis.low, axis.high, most))
    .map((value) => ({ value, text: formatValue(value, axis.unit) }));
  return ticks;
}
