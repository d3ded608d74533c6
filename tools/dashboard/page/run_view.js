// One run: progress, curves, samples, workers, config, log.
import { getRun, listen } from "./api.js";
import { card, element, setText } from "./dom.js";
import { clock, duration, number, whole } from "./format.js";
import { Log } from "./log.js";
import { RunCharts } from "./run_charts.js";
import { RunData } from "./run_data.js";
import { progressBar, stateBadge, updateProgressBar, updateStateBadge } from "./run_state.js";
import { Samples } from "./samples.js";
import { Workers } from "./workers.js";

const FACTS = ["Epoch", "Step", "D loss", "G loss", "Images/s", "Time left", "Started"];

class Header {
  constructor(id) {
    this.state = stateBadge("running");
    this.progress = progressBar(`progress of ${id}`);
    this.values = FACTS.map(() => element("dd", { class: "number" }));
    const facts = FACTS.map((name, i) =>
      element("div", {}, element("dt", {}, name), this.values[i]),
    );
    this.notices = element("div", { "data-testid": "notices" });
    this.element = element(
      "div",
      {},
      element("h1", {}, id, " ", this.state),
      this.progress,
      element("dl", { class: "facts" }, ...facts),
      this.notices,
    );
  }

  update(run, endMessage) {
    updateStateBadge(this.state, run.state);
    updateProgressBar(this.progress, run.progress);
    const texts = [
      `${whole(run.epoch)} of ${whole(run.epochs)}`,
      whole(run.step),
      number(run.d_loss),
      number(run.g_loss),
      whole(run.images_per_second),
      run.state === "running" ? duration(run.eta_seconds) : "–",
      clock(run.started),
    ];
    texts.forEach((text, i) => setText(this.values[i], text));
    const notices = noticesOf(run, endMessage);
    if (notices.join() !== this.told)
      this.notices.replaceChildren(
        ...notices.map(([kind, text]) => element("p", { class: `notice ${kind}` }, text)),
      );
    this.told = notices.join();
  }
}

function noticesOf(run, endMessage) {
  const notices = [];
  if (run.state === "failed")
    notices.push(["error", `The run failed${endMessage ? `: ${endMessage}` : "."}`]);
  if (run.state === "stopped")
    notices.push([
      "error",
      "The run stopped without a word: its process was killed, its machine went down, or it cannot write its records.",
    ]);
  if (run.newer_version)
    notices.push(["warning", "Recorded by a newer version; some of it may be missing."]);
  if (run.corrupt_lines > 0)
    notices.push([
      "warning",
      `${whole(run.corrupt_lines)} lines of the records could not be read and were left out.`,
    ]);
  if (run.warnings > 0)
    notices.push([
      "warning",
      `${whole(run.warnings)} ${run.warnings === 1 ? "warning" : "warnings"}: see the log.`,
    ]);
  return notices;
}

function configCard(detail) {
  const started = { ...detail.started_record, ...detail.config };
  for (const key of ["v", "type", "time", "config", "job_id"]) delete started[key];
  const entries = Object.entries(started)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) =>
      element("div", {}, element("dt", {}, key), element("dd", {}, String(value))),
    );
  const file = `/api/runs/${encodeURIComponent(detail.run.id)}/files/config.toml`;
  return card(
    "Config",
    element("dl", { class: "config", "data-testid": "config" }, ...entries),
    element(
      "p",
      { class: "quiet" },
      "Again: ",
      element("code", {}, "gan_train --config"),
      " with ",
      element("a", { href: file }, "config.toml"),
    ),
  );
}

class RunView {
  constructor(root, id) {
    this.id = id;
    this.root = root;
    this.header = new Header(id);
    this.data = new RunData(id);
    this.charts = new RunCharts(this.data, () => this.fetchCurves());
    this.samples = new Samples();
    this.workers = new Workers();
    this.log = new Log(id);
    this.config = element("div");
    this.fetching = null;
  }

  async load() {
    const [detail] = await Promise.all([getRun(this.id), this.fetchCurves(), this.log.load()]);
    this.endMessage = detail.end_message;
    this.header.update(detail.run, this.endMessage);
    this.samples.set(detail.samples);
    this.workers.set(detail.workers);
    this.charts.evaluations = detail.evaluations;
    this.config.replaceChildren(configCard(detail));
    this.charts.draw();
    if (this.root.childElementCount > 0) return;
    const beside = element(
      "div",
      { class: "columns" },
      this.charts.main,
      element("div", {}, this.samples.element, this.workers.element, this.log.element),
    );
    this.root.append(this.header.element, this.charts.bar, beside, this.charts.more, this.config);
  }

  // One at a time; what was asked for meanwhile once more afterwards.
  async fetchCurves() {
    if (this.fetching) {
      this.again = true;
      return this.fetching;
    }
    do {
      this.again = false;
      this.fetching = this.data.fetch(this.charts.wantsWorkers);
      try {
        await this.fetching;
      } finally {
        this.fetching = null;
      }
    } while (this.again);
    this.charts.draw();
  }

  async append(news) {
    this.workers.set(news.workers);
    this.samples.add(news.samples);
    this.log.add(news.log);
    this.charts.evaluations.push(...news.evaluations);
    if (news.reload) return this.load();
    if (this.data.append(news)) return this.fetchCurves();
    this.charts.draw();
  }

  async take({ runs }) {
    const run = runs.find((changed) => changed.id === this.id);
    if (!run) return;
    if (run.state === "failed" && !this.endMessage)
      this.endMessage = (await getRun(this.id)).end_message;
    this.header.update(run, this.endMessage);
  }
}

export async function runView(root, id) {
  const view = new RunView(root, id);
  await view.load();
  const quietly = (work) => work.catch(() => {}); // the connection's state is shown already
  const close = listen([id], {
    runs: (changes) => quietly(view.take(changes)),
    append: (news) => quietly(view.append(news)),
    again: () => quietly(view.load()),
  });
  const ticking = setInterval(() => view.workers.tick(), 1000);
  return () => {
    clearInterval(ticking);
    close();
    view.samples.stop();
    view.charts.close();
  };
}
