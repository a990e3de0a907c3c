"use strict";
const said = document.getElementById("said");
async function send(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body,
  });
  if (answer.ok) {
    location.reload();
    return;
  }
  const problem = await answer.json().catch(() => ({}));
  said.textContent = problem.error ?? `The sandbox answered ${answer.status}.`;
}
document.getElementById("fault").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const fault = { operation: form.get("operation"), kind: form.get("kind"), times: Number(form.get("times")) };
  if (form.get("ms") !== "") fault.ms = Number(form.get("ms"));
  send("POST", "/faults", JSON.stringify(fault));
});
for (const button of document.querySelectorAll("button[data-post], button[data-delete]")) {
  button.addEventListener("click", () => {
    const { post, delete: path, body } = button.dataset;
    if (post !== undefined) send("POST", post, body);
    else send("DELETE", path);
  });
}
