/* Shortcuts, dialogs, copying and refreshing. Every page works without it. */
(() => {
  "use strict";

  const isTyping = (element) => element.closest("input, select, textarea, dialog[open]") !== null;

  for (const opener of document.querySelectorAll("[data-open]")) {
    const dialog = document.getElementById(opener.dataset.open);
    opener.hidden = false;
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.showModal();
    });
  }
  for (const closer of document.querySelectorAll("dialog [data-close]"))
    closer.addEventListener("click", (event) => {
      event.preventDefault();
      closer.closest("dialog").close();
    });
  for (const form of document.querySelectorAll("form[method=post]"))
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "true";
    });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    });
  }

  for (const here of document.querySelectorAll("nav [aria-current]")) {
    const row = here.parentElement;
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }

  let leader = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.timeStamp - leader < 1500 && leader) {
      leader = 0;
      const link = document.querySelector(`header nav [data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        location.assign(link.href);
      }
      return;
    }
    if (event.key === "g") leader = event.timeStamp;
    if (event.key === "/") {
      event.preventDefault();
      document.querySelector("[data-search]")?.focus();
    }
    if (event.key === "?") document.getElementById("help")?.showModal();
  });

  /* The overview asks for itself anew; what somebody is reading stays open and in place. */
  const every = Number(document.querySelector("[data-refresh]")?.dataset.refresh || 0) * 1000;
  async function refresh() {
    const main = document.getElementById("main");
    if (document.hidden || main.contains(document.activeElement) && document.activeElement !== main) return;
    if (main.querySelector("details[open]") || document.querySelector("dialog[open]")) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html", "console-refresh": "1" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    if (answer.redirected) return location.assign(answer.url);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceChildren(...page.getElementById("main").childNodes);
    document.dispatchEvent(new Event("console:replaced"));
  }
  if (every) setInterval(refresh, every);
})();
