// Numbers and times as people read them. Everything may be missing: then a dash.

const DASH = "–";
const missing = (value) => value === null || value === undefined || !Number.isFinite(value);

export function whole(value) {
  return missing(value) ? DASH : Math.round(value).toLocaleString("en");
}

/** Four significant digits. */
export function number(value) {
  if (missing(value)) return DASH;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

export function bytes(value) {
  if (missing(value)) return DASH;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; ++unit) value /= 1000;
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

export function percent(part) {
  return missing(part) ? DASH : `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
}

export function duration(seconds) {
  if (missing(seconds)) return DASH;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
}

/** How long ago, by the clock of the server where it is known. */
export function ago(ms, now) {
  if (missing(ms) || ms <= 0) return DASH;
  const seconds = (now - ms) / 1000;
  return seconds < 1.5 ? "now" : `${duration(seconds)} ago`;
}

export function clock(ms) {
  if (missing(ms) || ms <= 0) return DASH;
  const date = new Date(ms);
  const pad = (value) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}
