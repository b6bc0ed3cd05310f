// The calendar's widget: fed by a JSON route, moved by dragging, created by selecting. Times are wall times of the
// viewer, as the server writes them; a refused move goes back and says why.
"use strict";

(() => {
  const place = document.getElementById("calendar");
  const LOCALE = place.dataset.locale;
  if (!place || !window.EventCalendar) return;

  const NAMES = { month: "dayGridMonth", week: "timeGridWeek", day: "timeGridDay" };
  const isNarrow = matchMedia("(max-width: 35.99rem)").matches;
  if (isNarrow && !place.dataset.chosen) return location.replace(place.dataset.agenda);

  // ---- dialogs that are waited for ----

  function ask(id) {
    const dialog = document.getElementById(id);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
  }

  async function askScope() {
    document.querySelector("#scope form").reset();
    if (!(await ask("scope"))) return null;
    return document.querySelector("#scope input[name=scope]:checked").value;
  }

  function complain(title, text) {
    const box = document.getElementById("toast-broken").content.cloneNode(true);
    box.querySelector(".note-body").textContent = text;
    const heading = document.createElement("div");
    heading.className = "note-title";
    heading.textContent = title;
    box.querySelector(".note-body").prepend(heading);
    document.getElementById("toasts").append(box);
  }

  function say(text) {
    document.getElementById("announcement").textContent = text;
  }

  // ---- what the server is asked ----

  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

  async function load(range) {
    const url = new URL(place.dataset.feed, location);
    url.searchParams.set("start", range.startStr);
    url.searchParams.set("end", range.endStr);
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 401) return location.reload(), [];
    if (!answer.ok) {
      complain("The calendar could not be loaded", "Reload the page in a moment.");
      return [];
    }
    const found = await answer.json();
    document.getElementById("cut").hidden = !found.is_cut;
    return found.events;
  }

  async function send(url, values) {
    const answer = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": token() },
      body: new URLSearchParams(values),
    });
    const body = await answer.json().catch(() => ({}));
    return answer.ok && !answer.redirected ? { ok: true } : { ok: false, ...body };
  }

  // ---- moving ----

  const text = (date) => {
    const two = (number) => String(number).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  };

  async function move(info) {
    const facts = info.event.extendedProps;
    const values = {
      start: text(info.event.start),
      end: text(info.event.end),
      all_day: info.event.allDay ? "1" : "0",
    };
    if (facts.asks) {
      const scope = await askScope();
      if (!scope) return info.revert();
      Object.assign(values, { occurrence: facts.occurrence, scope });
    } else {
      values.version = facts.version;
    }
    let result = await trySend(facts.move, values);
    if (!result.ok && result.error === "series") {
      document.getElementById("orphans-why").textContent = result.detail;
      const orphans = await ask("orphans");
      if (!orphans) return info.revert();
      result = await trySend(facts.move, { ...values, orphans });
    }
    if (!result.ok) {
      info.revert();
      return complain(result.title || "It was not moved", result.detail || "Reload the page and try again.");
    }
    say("Moved");
    calendar.refetchEvents();
  }

  const offline = { ok: false, title: "No connection to the server", detail: "It was not moved. Try again in a moment." };
  const trySend = (url, values) => send(url, values).catch(() => offline);

  // ---- creating ----

  function create(info) {
    const form = document.querySelector("#create form");
    const [start, end] = [info.startStr, info.endStr];
    const last = new Date(`${end.slice(0, 10)}T00:00:00Z`);
    if (info.allDay) last.setUTCDate(last.getUTCDate() - 1);
    const lastDay = info.allDay ? last.toISOString().slice(0, 10) : end.slice(0, 10);
    form.elements.all_day.disabled = !info.allDay;
    form.elements.start.value = start.slice(0, 10);
    form.elements.end.value = lastDay;
    form.elements.start_at.value = info.allDay ? "" : start.slice(11, 16);
    form.elements.end_at.value = info.allDay ? "" : end.slice(11, 16);
    document.getElementById("create-when").textContent = described(info);
    const more = new URL(document.getElementById("create-more").href);
    more.search = new URLSearchParams({
      start, end, all_day: info.allDay ? "1" : "", owner: form.elements.owner.value, next: form.elements.next.value,
    });
    document.getElementById("create-more").href = more;
    document.getElementById("create").showModal();
    form.elements.title.focus();
  }

  function described(info) {
    const clock = { hour: "2-digit", minute: "2-digit", hour12: place.dataset.clock === "12" };
    const time = new Intl.DateTimeFormat(LOCALE, clock);
    const first = DAY.format(info.start);
    if (!info.allDay) return `${first}, ${time.format(info.start)} to ${time.format(info.end)}`;
    const last = new Date(info.end.getTime());
    last.setDate(last.getDate() - 1);
    return last > info.start ? `${first} to ${DAY.format(last)}, all day` : `${first}, all day`;
  }

  document.getElementById("create").addEventListener("close", () => calendar.unselect());

  // ---- the widget ----

  // The line of the present time is drawn by the browser's clock: of use only where that shows the viewer's zone.
  const isHere = Math.abs(new Date(place.dataset.now) - new Date()) < 5 * 60 * 1000;
  const clock = { hour: "numeric", minute: "2-digit", hour12: place.dataset.clock === "12" };

  const DAY = new Intl.DateTimeFormat(LOCALE, { weekday: "long", day: "numeric", month: "long" });

  // The widget calls itself a table and leaves out the rows, which says nothing to a screen reader: its events say
  // their day themselves. What scrolls can be reached by keyboard.
  function repair() {
    for (const part of place.querySelectorAll("[role=table], [role^=row], [role=cell], [role=columnheader]"))
      for (const name of ["role", "aria-colindex", "aria-rowindex", "aria-colspan"]) part.removeAttribute(name);
    for (const main of place.querySelectorAll(".ec-main")) {
      main.tabIndex = 0;
      main.setAttribute("role", "group");
      main.setAttribute("aria-label", "Entries");
    }
  }
  new MutationObserver(repair).observe(place, { childList: true, subtree: true });

  const calendar = EventCalendar.create(place, {
    view: NAMES[place.dataset.view],
    date: place.dataset.date,
    headerToolbar: { start: "", center: "", end: "" },
    firstDay: 1,
    locale: LOCALE,
    height: "max(34rem, calc(100vh - 15rem))",
    scrollTime: "07:30:00",
    slotDuration: "00:30:00",
    slotHeight: 30,
    nowIndicator: isHere,
    dayMaxEvents: true,
    slotEventOverlap: false,
    editable: true,
    selectable: true,
    unselectAuto: false,
    selectMinDistance: 4,
    longPressDelay: 500,
    eventTimeFormat: clock,
    slotLabelFormat: clock,
    dayHeaderFormat: isNarrow ? { weekday: "narrow", day: "numeric" } : { weekday: "short", day: "numeric", month: "short" },
    views: { dayGridMonth: { dayHeaderFormat: { weekday: "short" } } },
    eventSources: [{ events: load }],
    eventClick: (info) => info.event.extendedProps.url && location.assign(info.event.extendedProps.url),
    eventDrop: move,
    eventResize: move,
    select: create,
    dateClick: (info) => {
      if (place.dataset.view !== "month") return;
      location.assign(changed({ view: "day", date: info.dateStr.slice(0, 10) }));
    },
    eventDidMount: (info) => {
      const facts = info.event.extendedProps;
      info.el.title = [info.event.title, facts.calendar, facts.overlaps].filter(Boolean).join(", ");
      const spoken = [DAY.format(info.event.start), info.timeText, info.el.title];
      info.el.setAttribute("aria-label", spoken.filter(Boolean).join(", "));
      if (!facts.url) info.el.classList.add("is-closed");
    },
  });

  function changed(values) {
    const url = new URL(location);
    for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
    return url;
  }
})();
