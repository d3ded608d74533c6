// Several runs in one chart each.
import { getRun, listen } from "./api.js";
import { Chart } from "./chart.js";
import { axisChoice, checkbox, smoothingSlider } from "./choices.js";
import { card, element } from "./dom.js";
import { duration, whole } from "./format.js";
import { RunData } from "./run_data.js";
import { stateBadge } from "./run_state.js";

const CHARTS = [
  { title: "G loss", name: "g_loss", testid: "compare-g_loss", smooth: true },
  { title: "D loss", name: "d_loss", testid: "compare-d_loss", smooth: true },
  { title: "D of real pictures", name: "d_real", testid: "compare-d_real", smooth: true },
  { title: "D of made pictures", name: "d_fake", testid: "compare-d_fake", smooth: true },
  { title: "Images per second", name: "images_per_second", testid: "compare-speed", format: whole },
];

class CompareView {
  constructor(root, ids) {
    this.runs = ids.map((id) => ({ id, data: new RunData(id) }));
    this.root = root;
    const redraw = () => this.draw();
    this.smoothing = smoothingSlider(redraw);
    this.axis = axisChoice("over seconds since the start", redraw);
    this.log = checkbox("log scale", "log-scale", false, redraw);
    this.charts = CHARTS.map((chart) => ({ ...chart, shown: new Chart(chart) }));
    this.quality = new Map();
    this.bar = element(
      "div",
      { class: "bar" },
      element("label", { class: "choice" }, "smoothing", this.smoothing),
      this.axis,
      this.log,
    );
    this.grid = element(
      "div",
      { class: "charts" },
      ...this.charts.map((chart) => chart.shown.element),
    );
  }

  async load() {
    await Promise.all(
      this.runs.map(async (run) => {
        [run.detail] = await Promise.all([getRun(run.id), run.data.fetch(false)]);
      }),
    );
    this.root.replaceChildren(
      element("h1", {}, "Comparing"),
      this.names(),
      this.bar,
      this.grid,
      this.differences(),
    );
    this.draw();
  }

  names() {
    return element(
      "p",
      { class: "bar", "data-testid": "compared" },
      ...this.runs.map((run) =>
        element(
          "span",
          {},
          element("a", { href: `#/run/${encodeURIComponent(run.id)}` }, run.id),
          " ",
          stateBadge(run.detail.run.state),
        ),
      ),
    );
  }

  x(run) {
    if (this.axis.value === "step") return run.data.step;
    return run.data.time.map((time) => (time - run.data.time[0]) / 1000);
  }

  draw() {
    const log = this.log.querySelector("input").checked;
    for (const chart of this.charts) {
      chart.shown.options.xText = this.axis.value === "step" ? undefined : duration;
      const curves = this.runs
        .map((run, colour) => ({ run, colour }))
        .filter(({ run }) => run.data.has(chart.name))
        .map(({ run, colour }) => ({
          ...run.data.curve(chart.name, run.id, colour, this.x(run)),
          smoothing: chart.smooth ? Number(this.smoothing.value) : 0,
        }));
      chart.shown.update(curves, { log });
    }
    this.drawQuality();
  }

  // One chart for each metric that any of the runs was evaluated by.
  drawQuality() {
    const names = new Set(
      this.runs.flatMap((run) =>
        run.detail.evaluations.flatMap((evaluation) => Object.keys(evaluation.values)),
      ),
    );
    for (const name of names) {
      if (!this.quality.has(name)) {
        this.quality.set(name, new Chart({ title: name, testid: `compare-${name}` }));
        this.grid.append(this.quality.get(name).element);
      }
      this.quality.get(name).update(
        this.runs
          .map((run, colour) => {
            const rows = run.detail.evaluations.filter((evaluation) => name in evaluation.values);
            return {
              label: run.id,
              colour,
              x: rows.map((row) => row.step),
              y: rows.map((row) => row.values[name]),
            };
          })
          .filter((curve) => curve.x.length > 0),
      );
    }
  }

  differences() {
    const configs = this.runs.map((run) => ({
      world: run.detail.run.world,
      version: run.detail.run.version,
      ...run.detail.config,
    }));
    const keys = [...new Set(configs.flatMap(Object.keys))]
      .sort()
      .filter((key) => new Set(configs.map((config) => String(config[key]))).size > 1);
    if (keys.length === 0)
      return card("Differences", element("p", { class: "quiet" }, "All were asked for the same."));
    const head = element(
      "tr",
      {},
      element("th", {}, ""),
      ...this.runs.map((run) => element("th", { scope: "col" }, run.id)),
    );
    const rows = keys.map((key) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, key),
        ...configs.map((config) => element("td", {}, String(config[key] ?? "–"))),
      ),
    );
    return card(
      "Differences",
      element(
        "div",
        { class: "scroll" },
        element(
          "table",
          { "data-testid": "differences" },
          element("thead", {}, head),
          element("tbody", {}, ...rows),
        ),
      ),
    );
  }

  async append(news) {
    const run = this.runs.find((shown) => shown.id === news.id);
    run.detail.evaluations.push(...news.evaluations);
    if (news.reload || run.data.append(news)) await run.data.fetch(false);
    this.draw();
  }

  close() {
    for (const chart of this.charts) chart.shown.close();
    for (const chart of this.quality.values()) chart.close();
  }
}

export async function compareView(root, ids) {
  const view = new CompareView(root, ids);
  await view.load();
  const quietly = (work) => work.catch(() => {}); // the connection's state is shown already
  const close = listen(ids, {
    append: (news) => quietly(view.append(news)),
    again: () => quietly(view.load()),
  });
  return () => {
    close();
    view.close();
  };
}
