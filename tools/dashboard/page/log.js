// A run's log: the newest first, searched by the server.
import { getLog } from "./api.js";
import { card, element } from "./dom.js";
import { clock } from "./format.js";

const PAGE = 100;
const TYPING_MS = 200;

export class Log {
  constructor(id) {
    this.id = id;
    this.typing = 0;
    this.search = element("input", {
      type: "search",
      placeholder: "Search the log",
      "aria-label": "Search the log",
      "data-testid": "log-search",
      oninput: () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.load(), TYPING_MS);
      },
    });
    this.list = element("ol", { class: "log", "data-testid": "log-lines" });
    this.older = element(
      "button",
      { type: "button", class: "small", onclick: () => this.loadOlder() },
      "older lines",
    );
    this.element = card("Log", this.search, this.list, this.older);
  }

  async load() {
    const { lines } = await getLog(this.id, { limit: PAGE, q: this.search.value });
    this.list.replaceChildren(...lines.map(lineElement));
    this.remember(lines);
  }

  async loadOlder() {
    const { lines } = await getLog(this.id, {
      limit: PAGE,
      q: this.search.value,
      before: this.oldest,
    });
    this.list.append(...lines.map(lineElement));
    this.remember(lines);
  }

  remember(lines) {
    this.oldest = lines.at(-1)?.n ?? 0;
    this.older.hidden = lines.length < PAGE;
  }

  add(lines) {
    const wanted = this.search.value.toLowerCase();
    const found = lines.filter((line) => line.text.toLowerCase().includes(wanted));
    this.list.prepend(...found.map(lineElement).reverse());
  }
}

function lineElement(line) {
  const time = element("time", {}, clock(line.time));
  const level = line.level === "info" ? null : element("strong", {}, line.level);
  return element(
    "li",
    { "data-level": line.level },
    time,
    " ",
    level,
    level ? " " : null,
    line.text,
  );
}
