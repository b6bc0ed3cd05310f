// The activity form shows what belongs to the choices made. Without this file everything is shown at once.
// data-if="a=x,y|b!=z": shown when field a has the value x or y, or when field b has not the value z.
"use strict";

(() => {
  const form = document.querySelector("form[data-conditions]");
  if (!form) return;

  const value = (name) => {
    const field = form.elements[name];
    if (!field) return "";
    return field.type === "checkbox" ? (field.checked ? "y" : "") : field.value;
  };

  const holds = (condition) => {
    const isNot = condition.includes("!=");
    const [name, wanted] = condition.split(isNot ? "!=" : "=");
    return wanted.split(",").includes(value(name)) !== isNot;
  };

  const show = () => {
    for (const part of form.querySelectorAll("[data-if]")) part.hidden = !part.dataset.if.split("|").some(holds);
  };

  // The end follows the start at the same distance, as long as nobody says otherwise.
  const moment = (name) => Date.parse(`${value(name)}T${value("all_day") ? "00:00" : value(`${name}_at`) || "00:00"}Z`);
  let length = moment("end") - moment("start");

  const follow = (event) => {
    const name = event.target.name;
    if (name === "end" || name === "end_at") length = moment("end") - moment("start");
    if ((name !== "start" && name !== "start_at") || !(length >= 0) || Number.isNaN(moment("start"))) return;
    const end = new Date(moment("start") + length).toISOString();
    form.elements.end.value = end.slice(0, 10);
    if (!value("all_day")) form.elements.end_at.value = end.slice(11, 16);
  };

  form.addEventListener("change", (event) => {
    follow(event);
    show();
  });
  show();
})();
