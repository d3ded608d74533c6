// A chart of curves over one axis, by uPlot: zoomed by dragging, reset by a double click, saved as
// CSV. Curves may have points at different places.
import { csvText, download } from "./csv.js";
import { element } from "./dom.js";
import { clock, number, whole } from "./format.js";
import { smooth } from "./smoothing.js";

const HEIGHT = 230;
// Colours that differ for every eye (Okabe and Ito), and dashes for those who see none.
const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [], [8, 4], [2, 3], [10, 3, 2, 3]];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function faint(colour) {
  return /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}45` : colour;
}

export class Chart {
  /**
   * options: title, testid, onzoom(from, to) or onzoom(null), format(value), fromZero, and xText(x)
   * for values that are no steps.
   */
  constructor(options) {
    this.options = { format: number, ...options };
    this.plot = null;
    this.structure = "";
    this.marks = [];
    this.holder = element("div", { class: "plot" });
    const csv = element(
      "button",
      { type: "button", class: "small", "data-testid": "csv-download", onclick: () => this.save() },
      "CSV",
    );
    csv.setAttribute("aria-label", `${options.title} as CSV`);
    this.element = element(
      "section",
      { class: "card chart", "data-testid": options.testid, "data-points": "0" },
      element("h2", {}, options.title, csv),
      this.holder,
    );
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.holder);
    this.recolour = () => this.rebuild();
    addEventListener("themechange", this.recolour);
  }

  close() {
    removeEventListener("themechange", this.recolour);
    this.resized.disconnect();
    this.plot?.destroy();
  }

  /**
   * curves: [{label, x, y, colour (a number), smoothing}]; shown: {log, time, marks: [x]}. Draws in
   * place where only numbers changed.
   */
  update(curves, shown = {}) {
    this.curves = curves;
    this.shown = shown;
    this.marks = shown.marks ?? [];
    this.element.hidden = curves.length === 0;
    this.element.dataset.points = String(Math.max(0, ...curves.map((curve) => curve.x.length)));
    if (curves.length === 0) return;
    const lines = curves.flatMap((curve) => linesOf(curve, shown.log));
    const structure = JSON.stringify([
      shown.log,
      shown.time,
      lines.map((line) => [line.label, line.colour, line.width]),
    ]);
    const data = align(lines);
    if (this.plot && structure === this.structure) {
      this.plot.setData(data);
      return;
    }
    this.structure = structure;
    this.lines = lines;
    this.draw(data);
  }

  draw(data) {
    this.plot?.destroy();
    this.plot = new uPlot(this.uplotOptions(), data, this.holder);
    this.plot.root.setAttribute("role", "img");
    this.plot.root.setAttribute("aria-label", `${this.options.title}, a chart`);
    const legend = this.plot.root.querySelectorAll(".u-series");
    this.lines.forEach((line, i) => legend[i + 1].classList.toggle("faint", Boolean(line.faint)));
  }

  rebuild() {
    if (!this.plot) return;
    this.structure = "";
    this.update(this.curves, this.shown);
  }

  resize() {
    const width = this.holder.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width)
      this.plot.setSize({ width, height: HEIGHT });
  }

  uplotOptions() {
    const { format, fromZero, onzoom, xText } = this.options;
    const text = this.shown.time ? clock : (xText ?? whole);
    const axis = {
      stroke: css("--muted"),
      grid: { stroke: css("--grid"), width: 1 },
      ticks: { stroke: css("--grid"), width: 1 },
      font: "12px system-ui, sans-serif",
    };
    const labels = {
      values: (_, places) => places.map((place) => (place === null ? "" : format(place))),
    };
    const steps = { values: (_, places) => places.map((place) => (xText ?? whole)(place)) };
    return {
      width: Math.max(200, this.holder.clientWidth),
      height: HEIGHT,
      ms: 1,
      scales: {
        x: { time: Boolean(this.shown.time) },
        y: { distr: this.shown.log ? 3 : 1, ...(fromZero ? { range: [0, null] } : {}) },
      },
      axes: [
        { ...axis, space: 70, ...(this.shown.time ? {} : steps) },
        { ...axis, size: 62, ...labels },
      ],
      cursor: { drag: { x: true, y: false, setScale: !onzoom }, points: { size: 6 } },
      legend: { live: true },
      series: [
        { label: this.shown.time ? "time" : "step", value: (_, x) => (x === null ? "–" : text(x)) },
        ...this.lines.map((line) => uplotSeries(line, format)),
      ],
      hooks: {
        draw: [(plot) => this.drawMarks(plot)],
        setSelect: onzoom ? [(plot) => this.zoom(plot)] : [],
        ready: onzoom ? [(plot) => plot.over.addEventListener("dblclick", () => onzoom(null))] : [],
      },
    };
  }

  zoom(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = plot.posToVal(left, "x");
    const to = plot.posToVal(left + width, "x");
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.options.onzoom(from, to);
  }

  // Short lines from the bottom; a tall one each where there is room.
  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const places = this.marks
      .filter((x) => x >= plot.scales.x.min && x <= plot.scales.x.max)
      .map((x) => plot.valToPos(x, "x", true));
    if (places.length === 0) return;
    const height = places.length * 25 < bbox.width ? bbox.height : 8;
    ctx.save();
    ctx.strokeStyle = css("--mark");
    ctx.lineWidth = 1;
    ctx.setLineDash(height > 8 ? [3, 5] : []);
    ctx.beginPath();
    for (const x of places) {
      ctx.moveTo(x, bbox.top + bbox.height - height);
      ctx.lineTo(x, bbox.top + bbox.height);
    }
    ctx.stroke();
    ctx.restore();
  }

  save() {
    const table = align(this.curves.map((curve) => ({ x: curve.x, y: curve.y })));
    const labels = [
      this.shown.time ? "time_ms" : "step",
      ...this.curves.map((curve) => curve.label),
    ];
    const columns = labels.map((label, i) => ({ label, values: [...table[i]] }));
    download(
      `${this.options.title.toLowerCase().replace(/[^a-z0-9]+/g, "_")}.csv`,
      csvText(columns),
    );
  }
}

// A curve, and where it is smoothed also what it was, faintly.
function linesOf(curve, log) {
  const y = log ? curve.y.map((value) => (value > 0 ? value : null)) : curve.y;
  const line = { x: curve.x, colour: curve.colour, dash: DASHES[curve.colour % DASHES.length] };
  if (!curve.smoothing) return [{ ...line, label: curve.label, y, width: 1.75 }];
  return [
    { ...line, label: `${curve.label}, each`, y, width: 1, faint: true, dash: [] },
    { ...line, label: curve.label, y: smooth(y, curve.smoothing), width: 2 },
  ];
}

function uplotSeries(line, format) {
  const colour = css(COLOURS[line.colour % COLOURS.length]);
  return {
    label: line.label,
    stroke: line.faint ? faint(colour) : colour,
    width: line.width,
    dash: line.dash,
    spanGaps: true,
    points: { show: line.x.length < 3 },
    value: (_, value) => (value === null || value === undefined ? "–" : format(value)),
  };
}

// One row for every place that any line has a point at.
function align(lines) {
  const first = lines[0].x;
  const same = lines.every(
    (line) =>
      line.x === first ||
      (line.x.length === first.length && line.x.every((x, i) => x === first[i])),
  );
  if (same) return [first, ...lines.map((line) => line.y)];
  return uPlot.join(lines.map((line) => [line.x, line.y]));
}
