// What HTML and htmx cannot do alone: keys, copying, dialogs in older browsers, menus that close, toasts, one click
// is one request. Every page works without this file.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

  // ---- keys: / search, j and k rows, Enter opens, r retry, ? help; data-key gives a button one of its own ----

  const rows = () => all("[data-row]").filter((row) => row.offsetParent !== null);

  function step(by) {
    const list = rows();
    if (!list.length) return;
    const at = list.findIndex((row) => row.classList.contains("is-current"));
    const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
    list.forEach((row) => row.classList.toggle("is-current", row === next));
    const target = next.querySelector("a[href], button") || next;
    target.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  const keys = {
    "/": () => document.getElementById("search")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    r: () => (document.querySelector(".is-current [data-retry]") || document.querySelector("[data-retry]"))?.click(),
    "?": () => document.getElementById("keys")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return closeMenus();
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const own = /^[a-z0-9]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
    const act = own ? () => own.click() : keys[event.key];
    if (document.querySelector("dialog[open]") || !act) return;
    event.preventDefault();
    act();
  });

  // ---- clicks: copy, dialogs, closing ----

  async function copy(button) {
    const source = document.getElementById(button.dataset.copyFrom || "");
    await navigator.clipboard.writeText(source ? source.value ?? source.textContent : button.dataset.copy);
    button.classList.add("is-copied");
    say("Copied");
    setTimeout(() => button.classList.remove("is-copied"), 1500);
  }

  function say(text) {
    document.getElementById("announcement").textContent = text;
  }

  // One button for all times: it stands beside the one that the pointer is on, and copies it to the second.
  const copier = document.getElementById("copy-time")?.content.firstElementChild;
  document.addEventListener("pointerover", (event) => {
    const time = event.target.closest("time[datetime]");
    if (!copier || !time || time.nextSibling === copier) return;
    copier.dataset.copy = time.dateTime;
    time.after(copier);
  });
  document.addEventListener("pointerout", (event) => {
    const next = event.relatedTarget;
    if (copier?.isConnected && !copier.contains(next) && next?.closest?.("time[datetime]") !== copier.previousElementSibling) copier.remove();
  });

  function closeMenus(except) {
    all("details.menu[open]").forEach((menu) => menu !== except && menu.removeAttribute("open"));
  }

  const knowsCommands = "commandForElement" in HTMLButtonElement.prototype;

  function command(button) {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    else dialog.close();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-copy], [data-copy-from]")) copy(button);
    if (button?.matches("[commandfor]") && !knowsCommands) command(button);
    if (button?.matches("[data-dismiss]")) button.closest(".toast-box").remove();
    if (event.target.matches("dialog")) event.target.close(); // the backdrop
    closeMenus(event.target.closest("details.menu"));
  });

  // ---- forms: filters send themselves, a double click sends once ----

  document.addEventListener("change", (event) => {
    const ticked = event.target.dataset.checkAll;
    if (ticked) all(`input[name=${ticked}]`).forEach((box) => (box.checked = event.target.checked));
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.type !== "search") form.requestSubmit();
  });

  // A file beside the place for it would be opened by the browser, and what was typed would be gone.
  ["dragover", "dragleave", "drop"].forEach((name) => document.addEventListener(name, (event) => {
    if (!document.querySelector(".drop-zone") || !event.dataTransfer?.types.includes("Files")) return;
    const zone = event.target.closest?.(".drop-zone");
    all(".drop-zone").forEach((each) => each.classList.toggle("is-over", each === zone && name === "dragover"));
    if (!zone) event.preventDefault();
  }));

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button || event.target.matches("[data-download]")) return;
    if (button.getAttribute("aria-busy") === "true") return event.preventDefault();
    button.setAttribute("aria-busy", "true");
  });

  addEventListener("pageshow", () => all("[aria-busy=true]").forEach((busy) => busy.removeAttribute("aria-busy")));
  document.addEventListener("htmx:afterRequest", (event) =>
    all("[aria-busy=true]", event.target).forEach((busy) => busy.removeAttribute("aria-busy")));

  // A form that says so is sent only when everything it needs is there.
  function complete(form) {
    const isWhole = all("[data-needed]", form).every((field) => field.value.trim() !== "");
    all("button:not([type=button])", document).filter((button) => button.form === form)
      .forEach((button) => (button.disabled = !isWhole));
  }
  all("form[data-complete]").forEach(complete);
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => event.target.form?.matches("[data-complete]") && complete(event.target.form));
  }

  // ---- htmx: polling rests while nobody looks or while rows are ticked; errors become toasts, whatever a proxy answers ----

  document.addEventListener("htmx:beforeRequest", (event) => {
    const polls = /\bevery\b/.test(event.detail.elt.getAttribute("hx-trigger") || "");
    const isTicked = event.detail.elt.querySelector("input[form=bulk]:checked");
    if (polls && (document.hidden || isTicked)) event.preventDefault();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const answer = event.detail.xhr;
    if (answer.status < 400 || answer.status === 422 || answer.getResponseHeader("X-Toast")) return;
    event.detail.shouldSwap = false;
    if (answer.status === 401) location.reload();
    else toast("toast-broken");
  });
  document.addEventListener("htmx:sendError", () => toast("toast-offline"));

  function toast(template) {
    const box = document.getElementById("toasts");
    if (!box.querySelector(`[data-kind=${template}]`)) box.append(document.getElementById(template).content.cloneNode(true));
  }

  // A first guess: the zone that this browser shows.
  all("select[data-own-zone]").forEach((select) => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (all("option", select).some((option) => option.value === zone)) select.value = zone;
  });

  // A toast of good news leaves by itself; one that says what went wrong waits for a person.
  new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (node.nodeType === 1 && node.matches(".toast-box[data-fades]")) setTimeout(() => node.remove(), 6000);
    }
  }).observe(document.getElementById("toasts"), { childList: true });
  all("#toasts .toast-box[data-fades]").forEach((box) => setTimeout(() => box.remove(), 6000));
})();
