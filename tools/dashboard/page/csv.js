// A chart's numbers as a file.
import { element } from "./dom.js";

// A field that a spreadsheet takes for a formula is harmless with a quote in front.
function field(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  const safe = typeof value === "string" && /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** columns: [{label, values}], all of one length. */
export function csvText(columns) {
  const rows = columns[0].values.map((_, i) => columns.map((column) => field(column.values[i])));
  return (
    [columns.map((column) => field(column.label)), ...rows].map((row) => row.join(",")).join("\n") +
    "\n"
  );
}

export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
