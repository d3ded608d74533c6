// Which view is shown, by the address: #/, #/run/ID, #/compare/ID,ID.
import { element } from "./dom.js";
import { compareView } from "./compare_view.js";
import { runView } from "./run_view.js";
import { runsView } from "./runs_view.js";

const main = document.getElementById("main");
const crumbs = document.getElementById("crumbs");
let leave = () => {};

function showError(error) {
  main.replaceChildren(element("p", { class: "notice error", role: "alert" }, error.message));
}

function viewOf(address) {
  const [, kind = "", rest = ""] = address.split("/").map(decodeURIComponent);
  if (kind === "run" && rest !== "") return { title: rest, start: (root) => runView(root, rest) };
  if (kind === "compare") {
    const ids = rest.split(",").filter((id) => id !== "");
    return { title: `comparing ${ids.length} runs`, start: (root) => compareView(root, ids) };
  }
  return { title: "", start: runsView };
}

// A view is made whole and gives back how it ends, even where the next one comes before that.
async function show() {
  leave();
  let left = false;
  let end = () => {};
  leave = () => {
    left = true;
    end();
  };
  const view = viewOf(location.hash);
  document.title = view.title === "" ? "Mini-Ray runs" : `${view.title} · Mini-Ray`;
  crumbs.replaceChildren(
    ...(view.title === "" ? [] : [element("a", { href: "#/" }, "runs"), " / ", view.title]),
  );
  try {
    const root = element("div");
    const ending = await view.start(root);
    if (left) return ending();
    end = ending;
    main.replaceChildren(root);
  } catch (error) {
    if (!left) showError(error);
  }
}

addEventListener("hashchange", show);
show();
