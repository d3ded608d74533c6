// A run's curves in the browser: fetched thinned, then appended to.
import { getSeries } from "./api.js";

const POINTS = 3000;
const MAX_ROWS = 6000; // then they are fetched anew, thinned by the server

export class RunData {
  constructor(id) {
    this.id = id;
    this.range = null; // {from, to}: zoomed
    this.clear({});
  }

  clear(answer) {
    this.step = answer.step ?? [];
    this.time = answer.time ?? [];
    this.columns = answer.columns ?? {};
    this.syncs = answer.syncs ?? [];
    this.workers = answer.workers ?? {};
  }

  async fetch(withWorkers) {
    this.withWorkers = withWorkers;
    const query = { points: POINTS, workers: withWorkers ? 1 : 0 };
    if (this.range)
      Object.assign(query, { from: Math.floor(this.range.from), to: Math.ceil(this.range.to) });
    this.clear(await getSeries(this.id, query));
  }

  /** True where all must be fetched again. What is zoomed into stays as it is. */
  append(news) {
    if (this.range) return false;
    for (const row of news.rows ?? []) this.addRow(row);
    this.syncs.push(...(news.syncs ?? []));
    if (this.withWorkers) for (const row of news.worker_rows ?? []) this.addWorkerRow(row);
    return this.step.length > MAX_ROWS;
  }

  addRow({ step, time, ...values }) {
    if (this.step.length > 0 && step <= this.step.at(-1)) return;
    for (const name of Object.keys(values)) {
      this.columns[name] ??= new Array(this.step.length).fill(null);
    }
    this.step.push(step);
    this.time.push(time);
    for (const [name, column] of Object.entries(this.columns)) column.push(values[name] ?? null);
  }

  addWorkerRow({ rank, step, ...values }) {
    const worker = (this.workers[rank] ??= { step: [] });
    if (worker.step.length > 0 && step <= worker.step.at(-1)) return;
    for (const name of ["d_loss", "g_loss", "images_per_second"]) {
      worker[name] ??= new Array(worker.step.length).fill(null);
      worker[name].push(values[name] ?? null);
    }
    worker.step.push(step);
  }

  has(name) {
    return name in this.columns;
  }

  /** A curve for a chart; points without a value are left out. */
  curve(name, label, colour, x) {
    const column = this.columns[name] ?? [];
    const kept = column.map((value, i) => i).filter((i) => column[i] !== null);
    const all = kept.length === column.length;
    return {
      label,
      colour,
      x: all ? x.slice(0, column.length) : kept.map((i) => x[i]),
      y: all ? column.slice() : kept.map((i) => column[i]),
    };
  }

  /** The same of each worker, on steps. */
  workerCurves(name, label, firstColour) {
    return Object.entries(this.workers)
      .filter(([, worker]) => worker[name])
      .map(([rank, worker], i) => ({
        label: `${label}, worker ${rank}`,
        colour: firstColour + i,
        x: worker.step.slice(),
        y: worker[name].slice(),
      }));
  }
}
