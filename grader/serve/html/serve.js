"use strict";
// Only comfort: without it every page works, and a page that waits is loaded anew by itself.

// A file that will not be taken is told before it is sent; one click hands in once.
for (const form of document.querySelectorAll("form.upload")) {
  const file = form.querySelector("input[type=file]"), told = form.querySelector(".told");
  const button = form.querySelector("button");
  const wrong = () => {
    const chosen = file.files[0];
    if (!chosen) return "";
    if (!/\.(ipynb|py)$/i.test(chosen.name)) return form.dataset.wrong;
    return chosen.size > Number(form.dataset.most) ? form.dataset.tooBig : "";
  };
  const tell = () => {
    told.textContent = wrong();
    told.className = told.textContent ? "told wrong" : "told";
    file.setCustomValidity(told.textContent);
  };
  file.addEventListener("change", tell);
  form.addEventListener("submit", event => {
    if (wrong() || button.disabled) { event.preventDefault(); return; }
    button.disabled = true;
    told.textContent = form.dataset.sending;
  });
  addEventListener("pageshow", () => { button.disabled = false; tell(); }); // came back from the next page
}

// How far grading is.
const progress = document.querySelector("[data-state]");
if (progress) {
  let pause = 1500;
  const ask = async () => {
    try {
      const answer = await fetch(progress.dataset.state, { headers: { Accept: "application/json" } });
      if (answer.status === 404) { location.reload(); return; }
      if (answer.ok) {
        const now = await answer.json();
        if (now.key !== progress.dataset.key) { location.reload(); return; }
        const told = progress.querySelector(".told");
        if (told && now.told && !now.key.startsWith("graded") && told.textContent !== now.told) told.textContent = now.told;
      }
    } catch { /* no network just now: it will be back */ }
    pause = Math.min(pause * 1.1, 10000);
    setTimeout(ask, pause);
  };
  setTimeout(ask, pause);
}

// Finding a name in a long class.
const search = document.querySelector(".people-table") && document.getElementById("search");
if (search) {
  const rows = [...document.querySelectorAll(".people-table tbody tr")];
  const plain = text => text.normalize("NFC").toLowerCase();
  const names = rows.map(row => plain(row.querySelector("th").textContent));
  search.closest("p").hidden = rows.length < 8;
  search.addEventListener("input", () => {
    const words = plain(search.value).split(/\s+/);
    rows.forEach((row, n) => { row.hidden = !words.every(word => names[n].includes(word)); });
    document.querySelector("output[for=search]").textContent =
      search.value ? `${rows.filter(row => !row.hidden).length} / ${rows.length}` : "";
  });
}
