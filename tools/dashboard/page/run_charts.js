// The charts of one run, and the choices that all of them share.
import { Chart } from "./chart.js";
import { axisChoice, checkbox, smoothingSlider } from "./choices.js";
import { element } from "./dom.js";
import { bytes, whole } from "./format.js";

const two = (first, second) => [first, second];

// What a run records, chart by chart: [column, label, colour].
const CHARTS = [
  {
    title: "Losses",
    testid: "chart-loss",
    smooth: true,
    log: true,
    workers: two(["d_loss", "D"], ["g_loss", "G"]),
    curves: two(["d_loss", "discriminator", 0], ["g_loss", "generator", 1]),
  },
  {
    title: "What D thinks",
    testid: "chart-d",
    smooth: true,
    curves: two(["d_real", "of real pictures", 0], ["d_fake", "of made pictures", 1]),
  },
  {
    title: "Images per second",
    testid: "chart-speed",
    format: whole,
    fromZero: true,
    workers: [["images_per_second", "images/s"]],
    curves: [["images_per_second", "all workers", 2]],
  },
  {
    title: "Gradient norms",
    testid: "chart-norms",
    log: true,
    curves: two(["d_gradient_norm", "discriminator", 0], ["g_gradient_norm", "generator", 1]),
  },
  {
    title: "Memory",
    testid: "chart-memory",
    format: bytes,
    fromZero: true,
    curves: [["resident_bytes", "resident", 3]],
  },
];

const MAIN_CHARTS = 3;

export class RunCharts {
  /** data: RunData; refetch() after a choice that needs other rows. */
  constructor(data, refetch) {
    this.data = data;
    this.refetch = refetch;
    const redraw = () => this.draw();
    this.smoothing = smoothingSlider(redraw);
    this.axis = axisChoice("over time", redraw);
    this.log = checkbox("log scale", "log-scale", false, redraw);
    this.workers = checkbox("each worker", "per-worker", false, () => refetch());
    this.averages = checkbox("averages", "sync-marks", true, redraw);
    this.reset = element(
      "button",
      {
        type: "button",
        class: "small",
        hidden: true,
        "data-testid": "zoom-reset",
        onclick: () => this.zoom(null),
      },
      "whole run",
    );
    this.bar = element(
      "div",
      { class: "bar" },
      element("label", { class: "choice" }, "smoothing", this.smoothing),
      this.axis,
      this.log,
      this.workers,
      this.averages,
      this.reset,
    );
    const onzoom = (from, to) => this.zoom(from === null ? null : { from, to });
    this.charts = CHARTS.map((chart) => ({ ...chart, shown: new Chart({ ...chart, onzoom }) }));
    this.sync = new Chart({
      title: "Divergence before each average",
      testid: "chart-sync",
      onzoom,
    });
    this.evaluation = new Chart({ title: "Quality", testid: "chart-quality" });
    this.evaluations = [];
    const elements = this.charts.map((chart) => chart.shown.element);
    // Those that one looks at first, and the others.
    this.main = element("div", {}, ...elements.slice(0, MAIN_CHARTS));
    this.more = element(
      "div",
      { class: "charts" },
      ...elements.slice(MAIN_CHARTS),
      this.sync.element,
      this.evaluation.element,
    );
    this.pending = 0;
  }

  get wantsWorkers() {
    return checked(this.workers);
  }

  zoom(range) {
    const time = this.axis.value === "time";
    this.data.range = range && time ? this.stepsOf(range) : range;
    this.reset.hidden = range === null;
    this.refetch();
  }

  // The server zooms by steps.
  stepsOf({ from, to }) {
    const { step, time } = this.data;
    const first = time.findIndex((t) => t >= from);
    const last = time.findLastIndex((t) => t <= to);
    return { from: step[Math.max(0, first)], to: step[Math.max(0, last)] };
  }

  /** At most once a frame. */
  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { data } = this;
    const time = this.axis.value === "time";
    const x = time ? data.time : data.step;
    const syncs = checked(this.averages) ? data.syncs.map((sync) => sync.step) : [];
    const marks = time ? syncs.map((step) => timeAt(data, step)) : syncs;
    for (const chart of this.charts) {
      const smoothing = chart.smooth ? Number(this.smoothing.value) : 0;
      const curves = chart.curves
        .filter(([name]) => data.has(name))
        .map(([name, label, colour]) => ({ ...data.curve(name, label, colour, x), smoothing }));
      // Workers' rows have no times of their own.
      if (chart.workers && this.wantsWorkers && !time) {
        chart.workers.forEach(([name, label], i) =>
          curves.push(...data.workerCurves(name, label, 2 + 3 * i)),
        );
      }
      chart.shown.update(curves, { log: chart.log && checked(this.log), time, marks });
    }
    this.sync.update(
      data.syncs.length === 0
        ? []
        : [
            {
              label: "divergence",
              colour: 4,
              x: data.syncs.map((sync) => (time ? timeAt(data, sync.step) : sync.step)),
              y: data.syncs.map((sync) => sync.divergence),
            },
          ],
      { time, log: checked(this.log) },
    );
    this.drawEvaluations();
  }

  drawEvaluations() {
    const names = [
      ...new Set(this.evaluations.flatMap((evaluation) => Object.keys(evaluation.values))),
    ];
    this.evaluation.update(
      names.map((name, colour) => {
        const rows = this.evaluations.filter((evaluation) => name in evaluation.values);
        return {
          label: name,
          colour,
          x: rows.map((row) => row.step),
          y: rows.map((row) => row.values[name]),
        };
      }),
    );
  }

  close() {
    cancelAnimationFrame(this.pending);
    for (const chart of this.charts) chart.shown.close();
    this.sync.close();
    this.evaluation.close();
  }
}

const checked = (label) => label.querySelector("input").checked;

function timeAt({ step, time }, wanted) {
  let low = 0;
  let high = step.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (step[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return time[low];
}
