// Elements from data. Text becomes text, never markup: names and messages come from anywhere.

/** element("a", {href: "#/", class: "x", onclick: f, "aria-label": "y"}, "text", child, ...) */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  set(made, attributes);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svgElement(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  set(made, attributes);
  made.append(...children);
  return made;
}

function set(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
}

/** Only where it differs, so that selections and screen readers are left in peace. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function card(title, ...children) {
  return element("section", { class: "card" }, element("h2", {}, title), ...children);
}
