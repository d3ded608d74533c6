// Sheets of samples over time: one shown, a slider, and a flip-book.
import { card, element, setText } from "./dom.js";

const FLIP_MS = 250;

export class Samples {
  constructor() {
    this.sheets = [];
    this.follows = true; // the newest, until somebody looks back
    this.timer = 0;
    this.picture = element("img", { class: "sheet", "data-testid": "samples-image", alt: "" });
    this.slider = element("input", {
      type: "range",
      min: 0,
      value: 0,
      step: 1,
      "aria-label": "Epoch of the samples",
      "data-testid": "samples-slider",
      oninput: () => {
        this.stop();
        this.show(Number(this.slider.value));
      },
    });
    this.play = element("button", {
      type: "button",
      "data-testid": "samples-play",
      onclick: () => this.toggle(),
    });
    this.caption = element("span", { class: "quiet number", "data-testid": "samples-caption" });
    this.element = card(
      "Samples",
      this.picture,
      element("div", { class: "bar" }, this.play, this.slider, this.caption),
    );
    this.element.hidden = true;
    this.labelPlay();
  }

  set(sheets) {
    this.sheets = [...sheets];
    this.refresh();
  }

  add(sheets) {
    if (sheets.length === 0) return;
    this.sheets.push(...sheets);
    this.refresh();
  }

  refresh() {
    this.element.hidden = this.sheets.length === 0;
    if (this.sheets.length === 0) return;
    this.slider.max = this.sheets.length - 1;
    if (this.follows && !this.timer) this.show(this.sheets.length - 1);
    else this.show(Number(this.slider.value));
  }

  show(index) {
    const sheet = this.sheets[Math.min(index, this.sheets.length - 1)];
    this.follows = index >= this.sheets.length - 1;
    this.slider.value = index;
    if (this.picture.getAttribute("src") !== sheet.url) this.picture.src = sheet.url;
    this.picture.alt = `64 samples after epoch ${sheet.epoch}`;
    setText(this.caption, `epoch ${sheet.epoch}`);
    this.slider.setAttribute("aria-valuetext", `epoch ${sheet.epoch}`);
  }

  toggle() {
    if (this.timer) return this.stop();
    for (const sheet of this.sheets) new Image().src = sheet.url; // so that none flickers
    let index = this.follows ? -1 : Number(this.slider.value);
    this.timer = setInterval(() => {
      index = (index + 1) % this.sheets.length;
      this.show(index);
    }, FLIP_MS);
    this.labelPlay();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.labelPlay();
  }

  labelPlay() {
    setText(this.play, this.timer ? "❚❚ stop" : "▶ flip through");
  }
}
