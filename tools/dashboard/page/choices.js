// What a reader of charts and lists may choose.
import { element } from "./dom.js";

export function checkbox(label, testid, checked, onchange) {
  const input = element("input", { type: "checkbox", "data-testid": testid, onchange });
  input.checked = checked;
  return element("label", { class: "choice" }, input, label);
}

/** The weight of the past in a moving average: see smoothing.js. */
export function smoothingSlider(oninput) {
  const range = { type: "range", min: 0, max: 0.99, step: 0.01, value: 0.6 };
  return element("input", { ...range, "data-testid": "smoothing", oninput });
}

/** "step" or "time". */
export function axisChoice(timeLabel, onchange) {
  return element(
    "select",
    { "data-testid": "x-axis", "aria-label": "Horizontal axis", onchange },
    element("option", { value: "step" }, "over steps"),
    element("option", { value: "time" }, timeLabel),
  );
}
