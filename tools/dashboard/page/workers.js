// The table of a run's workers.
import { card, element, setText } from "./dom.js";
import { ago, number, whole } from "./format.js";

const COLUMNS = [
  "Rank",
  "Host",
  "Process",
  "State",
  "Heartbeat",
  "Step",
  "Shard",
  "Images/s",
  "D loss",
  "G loss",
];
const SIGNS = { training: "▶", done: "✓", lost: "✕", silent: "■" };

export class Workers {
  constructor() {
    this.rows = new Map();
    this.workers = [];
    this.body = element("tbody");
    const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, name)));
    const table = element(
      "table",
      { "data-testid": "workers-table" },
      element("thead", {}, head),
      this.body,
    );
    this.element = card("Workers", element("div", { class: "scroll" }, table));
  }

  set(workers) {
    this.workers = workers;
    this.element.hidden = workers.length === 0;
    this.tick();
  }

  /** Also each second: heartbeats grow older. */
  tick(now = Date.now()) {
    for (const worker of this.workers) {
      const cells = this.row(worker.rank).children;
      const texts = [
        worker.rank,
        worker.host,
        worker.pid,
        `${SIGNS[worker.state] ?? ""} ${worker.state}`,
        ago(worker.heartbeat, now),
        whole(worker.step),
        whole(worker.shard),
        whole(worker.images_per_second),
        number(worker.d_loss),
        number(worker.g_loss),
      ];
      texts.forEach((text, i) => setText(cells[i], String(text)));
    }
  }

  row(rank) {
    if (!this.rows.has(rank)) {
      const row = element(
        "tr",
        {},
        ...COLUMNS.map((name) => element("td", { "data-label": name, class: "number" })),
      );
      this.rows.set(rank, row);
      this.body.append(row);
    }
    return this.rows.get(rank);
  }
}
