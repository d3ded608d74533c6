// A run's state by sign and word, and its progress.
import { element, setText } from "./dom.js";
import { percent } from "./format.js";

const SIGNS = { running: "▶", finished: "✓", interrupted: "❚❚", failed: "✕", stopped: "■" };

export function stateBadge(state) {
  const badge = element("span", { class: "state", "data-testid": "run-state" });
  updateStateBadge(badge, state);
  return badge;
}

export function updateStateBadge(badge, state) {
  badge.dataset.state = state;
  setText(badge, `${SIGNS[state] ?? ""} ${state}`);
}

export function progressBar(label) {
  const bar = element("progress", { max: 1, "aria-label": label, "data-testid": "progress" });
  return element("span", { class: "progress" }, bar, element("span", { class: "number" }));
}

export function updateProgressBar(shown, progress) {
  const [bar, text] = shown.children;
  bar.value = progress ?? 0;
  setText(text, percent(progress));
}
