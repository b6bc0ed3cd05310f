// The page of an event type opens in the zone of the browser. Without this file it opens in the organisation's.
"use strict";

(() => {
  const form = document.querySelector("form[data-guess-zone]");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isKnown = form && [...form.elements.tz.options].some((option) => option.value === zone);
  if (!isKnown || form.elements.tz.value === zone) return;
  const address = new URL(location.href);
  address.searchParams.set("tz", zone);
  location.replace(address);
})();
