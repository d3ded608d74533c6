// Light or dark, as the system has it until somebody chooses. Before the first paint: no module.
(() => {
  const root = document.documentElement;
  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // where the browser keeps nothing
    }
  };
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    root.dataset.theme = remembered() ?? (systemIsDark.matches ? "dark" : "light");
    dispatchEvent(new Event("themechange"));
  };
  show();
  systemIsDark.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      try {
        localStorage.setItem("theme", root.dataset.theme === "dark" ? "light" : "dark");
      } catch {
        return;
      }
      show();
    });
  });
})();
