"use strict";
(() => {
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const remember = (value) => { try { localStorage.setItem("gpuwise-theme", value); } catch (_) { /* A page without storage. */ } };
  const recall = () => { try { return localStorage.getItem("gpuwise-theme"); } catch (_) { return null; } };

  // Light or dark.
  const root = document.documentElement;
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const toggle = document.getElementById("theme");
  const told = () => { toggle.textContent = isDark() ? "Light theme" : "Dark theme"; };
  const known = recall();
  if (known === "light" || known === "dark") root.dataset.theme = known;
  toggle.hidden = false;
  told();
  toggle.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; remember(root.dataset.theme); told(); });

  // Filters and order of a list.
  for (const form of all("form.filters")) {
    const list = document.getElementById(form.dataset.list);
    const tally = document.getElementById(form.dataset.list + "-tally");
    if (!list || !tally) continue;
    const items = all(":scope > li[data-rank]", list);
    const cut = list.querySelector(":scope > li.cut");
    const noun = form.dataset.noun;
    const texts = items.map((item) => item.querySelector("summary").textContent.toLowerCase());
    const holds = (item, at) => all("[data-key]", form).every((control) => {
      const wanted = control.value.trim();
      if (!wanted) return true;
      if (control.dataset.key === "text") return wanted.toLowerCase().split(/\s+/).every((word) => texts[at].includes(word));
      const own = item.getAttribute("data-" + control.dataset.key) || "";
      return own === wanted || (control.dataset.key === "lever" && own.split(" ").includes(wanted));
    });
    const apply = () => {
      let shown = 0;
      items.forEach((item, at) => { item.hidden = !holds(item, at); shown += item.hidden ? 0 : 1; });
      const by = form.querySelector("[data-order]");
      const order = by ? by.value : "rank";
      const number = (item) => { const value = item.getAttribute("data-" + order); return value === null ? -Infinity : Number(value); };
      const sorted = items.slice().sort((a, b) => order === "rank" ? number(a) - number(b) : number(b) - number(a) || a.dataset.rank - b.dataset.rank);
      const moved = sorted.some((item, at) => item !== all(":scope > li[data-rank]", list)[at]);
      if (moved) sorted.forEach((item) => list.append(item));
      if (cut) {
        const whole = shown === items.length && order === "rank";
        cut.hidden = !whole;
        if (whole && moved) list.insertBefore(cut, sorted[Number(cut.dataset.after)]);
      }
      tally.textContent = shown === items.length ? items.length + " " + noun : shown + " of " + items.length + " " + noun;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
    apply();
  }

  // A link to something that is closed opens it.
  const open = () => {
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch (_) { return; }
    const target = id && document.getElementById(id);
    if (!target) return;
    const item = target.closest("li[data-rank]");
    if (item) item.hidden = false;
    const inner = target.matches("details") ? target : target.querySelector(":scope > details");
    if (inner) inner.open = true;
    for (let at = target.parentElement; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
  // What is opened for paper is nobody's choice: the address stays.
  let opened = [];
  for (const item of all("li[id] > details")) {
    item.addEventListener("toggle", () => { if (item.open && !opened.includes(item)) history.replaceState(null, "", "#" + item.parentElement.id); });
  }

  // Copies what stands beside it.
  for (const code of all(".command code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
      const select = () => { const range = document.createRange(); range.selectNodeContents(code); const chosen = getSelection(); chosen.removeAllRanges(); chosen.addRange(range); };
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, select); else select();
    });
    code.after(button);
  }

  // `/` looks for text.
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
    const field = document.querySelector("form.filters:not([hidden]) input");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !field) return;
    event.preventDefault();
    field.focus();
  });

  // On paper all of a change is open; what a chart has as a table besides is not printed.
  addEventListener("beforeprint", () => { opened = all("details:not([open])").filter((one) => !one.closest(".works, figure, .stack:not(.group) > .more")); opened.forEach((one) => { one.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); opened = []; });
})();
