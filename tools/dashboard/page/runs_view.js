// All runs, the newest first.
import { getRuns, listen } from "./api.js";
import { checkbox } from "./choices.js";
import { element, setText } from "./dom.js";
import { clock, duration, number, whole } from "./format.js";
import { progressBar, stateBadge, updateProgressBar, updateStateBadge } from "./run_state.js";
import { sparkline, updateSparkline } from "./sparkline.js";

const ROWS_AT_ONCE = 60;
const MAX_COMPARED = 8;
const COLUMNS = [
  "",
  "Run",
  "State",
  "Progress",
  "G loss",
  "",
  "D loss",
  "Images/s",
  "Left",
  "Started",
];

/** One row, kept up to date. */
class Row {
  constructor(run, onpick) {
    this.id = run.id;
    this.state = stateBadge(run.state);
    this.progress = progressBar(`progress of ${run.id}`);
    this.curve = sparkline(run.sparkline);
    this.cells = ["G loss", "D loss", "Images/s", "Left", "Started"].map((name) =>
      element("td", { class: "number", "data-label": name }),
    );
    this.about = element("span", { class: "quiet" });
    this.pick = element("input", {
      type: "checkbox",
      "aria-label": `compare ${run.id}`,
      onchange: onpick,
    });
    const link = element("a", { href: `#/run/${encodeURIComponent(run.id)}` }, run.id);
    const [gLoss, dLoss, speed, left, started] = this.cells;
    this.element = element(
      "tr",
      { "data-testid": "run-row", "data-run": run.id },
      element("td", { class: "pick" }, this.pick),
      element("td", { class: "name" }, link, this.about),
      element("td", { "data-label": "State" }, this.state),
      element("td", { "data-label": "Progress" }, this.progress),
      gLoss,
      element("td", { class: "curve" }, this.curve),
      dLoss,
      speed,
      left,
      started,
    );
    this.update(run);
  }

  update(run) {
    this.run = run;
    updateStateBadge(this.state, run.state);
    updateProgressBar(this.progress, run.progress);
    updateSparkline(this.curve, run.sparkline);
    const workers = run.world > 1 ? `, ${run.world} workers` : "";
    setText(this.about, [run.dataset, run.model].filter(Boolean).join(", ") + workers);
    const texts = [
      number(run.g_loss),
      number(run.d_loss),
      whole(run.images_per_second),
      run.state === "running" ? duration(run.eta_seconds) : "",
      clock(run.started),
    ];
    texts.forEach((text, i) => setText(this.cells[i], text));
  }
}

const byAge = (a, b) => (b.run.started ?? 0) - (a.run.started ?? 0) || (a.id < b.id ? 1 : -1);

class RunsView {
  constructor(root) {
    this.rows = new Map();
    this.shownRows = ROWS_AT_ONCE;
    this.search = element("input", {
      type: "search",
      placeholder: "Search",
      "aria-label": "Search runs",
      "data-testid": "run-search",
      oninput: () => this.show(),
    });
    this.onlyRunning = checkbox("running only", "running-only", false, () => this.show());
    this.compare = element("button", {
      type: "button",
      "data-testid": "compare-button",
      onclick: () =>
        (location.hash = `#/compare/${this.picked().map(encodeURIComponent).join(",")}`),
    });
    this.count = element("span", { class: "quiet" });
    this.body = element("tbody");
    this.end = element("div", { class: "list-end" });
    this.empty = element("div", { class: "card empty" });
    const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, name)));
    this.table = element(
      "table",
      { class: "runs", "data-testid": "runs-table" },
      element("thead", {}, head),
      this.body,
    );
    root.append(
      element("h1", {}, "Runs"),
      element("div", { class: "bar" }, this.search, this.onlyRunning, this.compare, this.count),
      this.empty,
      this.table,
      this.end,
    );
    // More rows as somebody comes to the end of those that are there.
    this.watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      if (this.shownRows >= this.rows.size) return;
      this.shownRows += ROWS_AT_ONCE;
      this.show();
    });
    this.watcher.observe(this.end);
  }

  async load() {
    const answer = await getRuns();
    this.folder = answer.runs_dir;
    this.folderExists = answer.exists;
    this.rows.clear();
    this.take({ runs: answer.runs, removed: [] });
    this.show();
  }

  /** True where the list itself changed, not only what its rows say. */
  take({ runs, removed }) {
    let changed = false;
    for (const id of removed) changed = this.rows.delete(id) || changed;
    for (const run of runs) {
      const row = this.rows.get(run.id);
      if (row) {
        row.update(run);
        continue;
      }
      this.rows.set(run.id, new Row(run, () => this.updateCompare()));
      changed = true;
    }
    return changed;
  }

  picked() {
    return [...this.rows.values()].filter((row) => row.pick.checked).map((row) => row.id);
  }

  updateCompare() {
    const count = this.picked().length;
    this.compare.disabled = count < 2 || count > MAX_COMPARED;
    const hint = count > MAX_COMPARED ? ` (at most ${MAX_COMPARED})` : "";
    setText(this.compare, count < 2 ? "Compare (pick two)" : `Compare ${count} runs${hint}`);
  }

  show() {
    const wanted = this.search.value.toLowerCase();
    const running = this.onlyRunning.querySelector("input").checked;
    const found = [...this.rows.values()]
      .filter((row) =>
        `${row.id} ${row.run.dataset} ${row.run.model}`.toLowerCase().includes(wanted),
      )
      .filter((row) => !running || row.run.state === "running")
      .sort(byAge);
    this.body.replaceChildren(...found.slice(0, this.shownRows).map((row) => row.element));
    setText(this.count, `${found.length} of ${this.rows.size}`);
    this.table.hidden = this.rows.size === 0;
    this.empty.hidden = this.rows.size > 0;
    this.empty.replaceChildren(...this.whyEmpty());
    this.updateCompare();
  }

  whyEmpty() {
    const why = this.folderExists ? "There are no runs yet in " : "This folder is not there yet: ";
    return [
      element("p", {}, why, element("code", {}, this.folder ?? ""), "."),
      element(
        "p",
        {},
        "Runs appear here as soon as one starts, for instance with ",
        element("code", {}, "gan_train --data shapes --epochs 5"),
        ".",
      ),
    ];
  }
}

export async function runsView(root) {
  const view = new RunsView(root);
  await view.load();
  const close = listen([], {
    runs: (changes) => {
      if (view.take(changes)) view.show();
    },
    again: () => view.load(),
  });
  return () => {
    close();
    view.watcher.disconnect();
  };
}
