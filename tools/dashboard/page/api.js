// The server's answers, and its events.

async function getJson(target) {
  const response = await fetch(target);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error ?? `the server answered ${response.status}`);
  return body;
}

const runTarget = (id, rest = "") => `/api/runs/${encodeURIComponent(id)}${rest}`;

export const getRuns = () => getJson("/api/runs");
export const getRun = (id) => getJson(runTarget(id));
export const getLog = (id, query) => getJson(runTarget(id, `/log?${new URLSearchParams(query)}`));
export const getSeries = (id, query) =>
  getJson(runTarget(id, `/series?${new URLSearchParams(query)}`));

const STATES = {
  opening: "",
  open: "live",
  lost: "connection lost, trying again …",
};

function showState(state) {
  const shown = document.getElementById("connection");
  shown.dataset.state = state;
  shown.textContent = STATES[state];
}

/**
 * Events for as long as it is not closed; the browser connects again by itself.
 * handlers: runs({runs, removed}), append(news of a run), again() after a connection was lost.
 */
export function listen(ids, handlers) {
  const query = ids.length > 0 ? `?runs=${ids.map(encodeURIComponent).join(",")}` : "";
  let source = null;
  let lost = false;
  let retry = 0;
  const open = () => {
    source = new EventSource(`/api/events${query}`);
    source.addEventListener("hello", () => {
      showState("open");
      if (lost) handlers.again();
      lost = false;
    });
    source.addEventListener("runs", (event) => handlers.runs?.(JSON.parse(event.data)));
    source.addEventListener("append", (event) => handlers.append?.(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      lost = true;
      showState("lost");
      // Refused, not only cut off: the browser has given up.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, 2000);
    });
  };
  open();
  return () => {
    clearTimeout(retry);
    source.close();
  };
}
