// Behaviour of every page. Each page is whole without it: what follows is only more comfortable.
import { follow } from "./live.js";

// What said that a part would come: it has come, else it would be the last thing on the page.
for (const one of document.querySelectorAll(".waits")) if (one.nextElementSibling) one.remove();

// Tables whose head is a row of `data-sort` columns: a click sorts them.
for (const head of document.querySelectorAll("th[data-sort]")) {
  const button = document.createElement("button");
  button.className = "plain sort";
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const table = head.closest("table");
    const body = table.tBodies[0];
    const at = [...head.parentNode.children].indexOf(head);
    const down = head.getAttribute("aria-sort") !== "descending";
    const value = (row) => row.children[at].dataset.value ?? row.children[at].textContent.trim();
    const rows = [...body.rows].sort((one, other) => value(one).localeCompare(value(other), "en", { numeric: true }));
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...(down ? rows.reverse() : rows));
  });
}

// A form that asks before it acts.
for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.ask)) event.preventDefault();
  });
}

const live = document.querySelector("[data-live]");
if (live) follow(live);
