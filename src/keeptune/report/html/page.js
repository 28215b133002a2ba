"use strict";
// What every page has: a theme, and tables that sort.
(() => {
  const root = document.documentElement;
  root.dataset.js = "";

  // Theme: what the system says, until the reader says otherwise. A file: page may have no storage.
  const themes = ["system", "light", "dark"];
  const themeButton = document.getElementById("theme");
  const setTheme = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    themeButton.firstElementChild.textContent = theme;
    themeButton.setAttribute("aria-label", `Theme: ${theme}`);
  };
  const stored = (() => { try { return localStorage.getItem("keeptune-theme"); } catch { return null; } })();
  setTheme(themes.includes(stored) ? stored : "system");
  themeButton.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? "system") + 1) % themes.length];
    setTheme(next);
    try { localStorage.setItem("keeptune-theme", next); } catch { /* the choice lasts as long as the page */ }
  });

  // Sorting: by data-key, numbers first from the largest, words from A; what has no value stays last.
  const sortBy = (table, header) => {
    const column = [...header.parentElement.children].indexOf(header);
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: row.cells[column].dataset.key }));
    const numeric = rows.every(({ key }) => key === "" || Number.isFinite(Number(key)));
    const current = header.getAttribute("aria-sort");
    const first = numeric && !header.classList.contains("text") ? "descending" : "ascending";
    const direction = current === "none" ? first : current === "ascending" ? "descending" : "ascending";
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "");
      return sign * (numeric ? a.key - b.key : a.key.localeCompare(b.key));
    });
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", direction);
    table.tBodies[0].append(...rows.map(({ row }) => row));
  };
  for (const button of document.querySelectorAll(".sortable th button")) {
    const header = button.parentElement;
    button.addEventListener("click", () => sortBy(header.closest("table"), header));
  }
})();
