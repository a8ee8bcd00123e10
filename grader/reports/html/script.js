"use strict";
// Sorting and searching the table of submissions. Without this it is there all the same, all of it.
(() => {
  // Laying out thousands of rows takes a browser half a second, so they come as one scrolls.
  const STEP = 100;
  const ORDER = "✓~±✗–?";
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const field = document.getElementById("search");
  const found = document.getElementById("found");
  const end = document.getElementById("end");
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" });
  const plain = (text) => text.normalize("NFC").toLowerCase();

  const readers = {
    text: (cell) => cell.textContent,
    number: (cell) => Number(cell.dataset.value),
    mark: (cell) => ORDER.indexOf(cell.textContent),
  };
  const rows = Array.from(body.rows, (row, at) => {
    const keys = Array.from(row.cells, (cell, column) => readers[heads[column].dataset.by](cell));
    const texts = keys.filter((_key, column) => heads[column].dataset.by === "text");
    return { row, at, keys, text: plain([...texts, row.dataset.also].join("\n")) };
  });
  let sorted = rows;
  let fitting = rows;
  let shown = 0;

  function more(count) {
    const next = fitting.slice(shown, shown + count);
    body.append(...next.map((one) => one.row));
    shown += next.length;
  }

  function show() {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    fitting = sorted.filter((one) => words.every((word) => one.text.includes(word)));
    shown = 0;
    body.replaceChildren();
    more(STEP);
    table.parentElement.scrollTop = 0;
    found.textContent = found.dataset.words.replace("{shown}", fitting.length).replace("{total}", rows.length);
    document.getElementById("nobody").hidden = fitting.length > 0;
  }

  function sort(head) {
    const column = heads.indexOf(head);
    const up = head.getAttribute("aria-sort") !== "ascending";
    const compare = head.dataset.by === "text" ? collator.compare : (a, b) => a - b;
    // What is empty stays at the end, either way round; what is equal stays as it was.
    sorted = [...rows].sort((one, other) => {
      const a = one.keys[column];
      const b = other.keys[column];
      if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
      return (up ? compare(a, b) : compare(b, a)) || one.at - other.at;
    });
    for (const each of heads) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    show();
  }

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.setAttribute("aria-sort", "none");
    head.append(button);
  }
  field.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    const writing = event.target instanceof HTMLInputElement;
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && event.target === field && field.value) {
      field.value = "";
      show();
    }
  });
  const watch = new IntersectionObserver(
    (seen) => {
      if (seen.some((one) => one.isIntersecting) && shown < fitting.length) {
        more(STEP);
        watch.unobserve(end); // and again: it tells only of changes
        watch.observe(end);
      }
    },
    { root: table.parentElement, rootMargin: "600px" },
  );
  watch.observe(end);
  window.addEventListener("beforeprint", () => more(fitting.length));
  field.parentElement.hidden = false;
  show();
})();
