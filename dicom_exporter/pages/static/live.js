// Refreshes the page every few seconds while it is visible, and shows local time beside UTC.
// It fetches the same page, which shows history and starts no probe. Without this script the page is the same, but not refreshed.
"use strict";

(() => {
  const SECONDS = 15;
  const PARTS = ["live", "live-list"];
  const state = document.getElementById("live-state");
  let lastAnswer = Date.now();
  let timer = null;
  let busy = false;

  const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  // Only when the text changes: a screen reader reads it aloud.
  function say(text, stale) {
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle("stale", stale);
  }

  function showLocalTimes(root) {
    if (new Date().getTimezoneOffset() === 0) return;
    for (const element of root.querySelectorAll("time[datetime]")) {
      const date = new Date(element.dateTime);
      if (Number.isNaN(date.getTime())) continue;
      element.title = date.toLocaleString();
      const local = document.createElement("span");
      local.className = "local";
      const sameDay = date.getDate() === date.getUTCDate();
      local.textContent = ` (${sameDay ? "" : `${date.toLocaleDateString()} `}${clock(date)} here)`;
      element.append(local);
    }
  }

  // Nothing may change while the user selects or copies text.
  function selecting() {
    const selection = window.getSelection();
    return selection !== null && !selection.isCollapsed;
  }

  function replace(part, fresh) {
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const open = [...part.querySelectorAll("details[open]")].map((each) => each.id);
    part.replaceChildren(...fresh.childNodes);
    for (const each of part.querySelectorAll("details")) each.open = open.includes(each.id);
    showLocalTimes(part);
    if (focused !== null) {
      const again = [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused);
      if (again) again.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    if (busy || document.hidden || selecting()) return;
    busy = true;
    try {
      const response = await fetch(window.location.href, {
        cache: "no-store",
        signal: AbortSignal.timeout(10000),
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const id of PARTS) {
        const part = document.getElementById(id);
        const now = fresh.getElementById(id);
        if (part && now) replace(part, now);
      }
      document.title = fresh.title;
      lastAnswer = Date.now();
      say("Kept up to date.", false);
    } catch {
      say(`The exporter has not answered since ${clock(new Date(lastAnswer))}: what you see is old.`, true);
    } finally {
      busy = false;
      document.dispatchEvent(new Event("refreshed"));
    }
  }

  function schedule() {
    clearInterval(timer);
    timer = document.hidden ? null : setInterval(refresh, SECONDS * 1000);
  }

  document.addEventListener("visibilitychange", () => {
    schedule();
    refresh();
  });
  showLocalTimes(document);
  say("Kept up to date.", false);
  schedule();
})();
