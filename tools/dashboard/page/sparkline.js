// A small curve without axes.
import { svgElement } from "./dom.js";

const WIDTH = 96;
const HEIGHT = 24;

export function sparkline(values) {
  const line = svgElement("polyline", {
    fill: "none",
    "stroke-width": 1.5,
    points: points(values),
  });
  const view = `0 0 ${WIDTH} ${HEIGHT}`;
  return svgElement("svg", { class: "sparkline", viewBox: view, "aria-hidden": "true" }, line);
}

export function updateSparkline(picture, values) {
  picture.firstChild.setAttribute("points", points(values));
}

function points(values) {
  const finite = (values ?? []).filter(Number.isFinite);
  if (finite.length < 2) return "";
  const low = Math.min(...finite);
  const range = Math.max(...finite) - low || 1;
  const x = (i) => ((i / (finite.length - 1)) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 2 - ((value - low) / range) * (HEIGHT - 4)).toFixed(1);
  return finite.map((value, i) => `${x(i)},${y(value)}`).join(" ");
}
