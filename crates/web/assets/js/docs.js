/**
 * The page of the API: shows `/openapi.json` as text to read, with a search.
 */

import { curlOf, fieldsOf, matches, readGroups, sayType } from "./docs/api.js";
import { byId, make, sayCount, setText, showTrouble } from "./ui.js";

/** Schemas within schemas that are shown; further ones are named only. */
const DEPTH = 4;

/** @type {{section: HTMLElement, entries: {operation: import("./docs/api.js").Operation, element: HTMLElement}[]}[]} */
let shown = [];

async function load() {
  showTrouble(byId("trouble"), null);
  try {
    const response = await fetch("/openapi.json", { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
  } catch {
    const trouble = { what: "The description of the API did not arrive.", todo: "Is the server still there?", button: "Try again" };
    showTrouble(byId("trouble"), trouble, load);
  }
}

function show(document) {
  setText(byId("version"), `Version ${document.info.version}`);
  byId("description").replaceChildren(...withCode(document.info.description ?? ""));
  shown = readGroups(document).map((group) => {
    const entries = group.operations.map((operation) => ({ operation, element: showOperation(document, operation) }));
    const heading = make(
      "div",
      { class: "heading" },
      make("h2", { id: group.name }, group.name[0].toUpperCase() + group.name.slice(1)),
      make("p", { class: "muted" }, group.description),
    );
    const list = make("div", {}, ...entries.map(({ element }) => element));
    return { section: make("section", { class: "group", "aria-labelledby": group.name }, heading, list), entries };
  });
  byId("groups").replaceChildren(...shown.map(({ section }) => section));
  search();
  openLinked();
}

function showOperation(document, operation) {
  const details = make("details", { class: "operation", id: operation.id, "data-testid": "operation" });
  details.append(
    make(
      "summary",
      {},
      make("span", { class: "method", "data-method": operation.method }, operation.method),
      make("span", { class: "path" }, ...pathParts(operation.path)),
      make("span", { class: "summary" }, operation.summary),
    ),
  );
  // Most are never opened.
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(showInside(document, operation));
    if (details.open) history.replaceState(null, "", `#${operation.id}`);
  });
  return details;
}

const pathParts = (path) =>
  path.split(/(\{[^}]+\})/).filter(Boolean).map((part) => (part.startsWith("{") ? make("span", { class: "name" }, part) : part));

function showInside(document, operation) {
  const { description, parameters, body, responses } = operation;
  const inside = make("div", { class: "inside" });
  for (const paragraph of description.split(/\n\n+/).filter(Boolean)) {
    inside.append(make("p", {}, ...withCode(paragraph.replaceAll("\n", " "))));
  }
  if (parameters.length > 0) inside.append(part("Parameters", facts(parameters.map((one) => parameterFact(document, one)))));
  if (body) inside.append(part("Body", facts([bodyFact(document, body)])));
  inside.append(part("Answers", facts(responses.map((response) => responseFact(document, response)))));
  inside.append(part("Try it", example(curlOf(document, operation, location.origin))));
  return inside;
}

const part = (title, ...children) => make("div", {}, make("h3", {}, title), ...children);
const facts = (list) => make("ul", { class: "facts" }, ...list);

function fact(term, note, description, ...more) {
  const left = make("div", { class: "term" }, term);
  if (note) left.append(make("span", { class: "small" }, note));
  const right = make("div", { class: "says" }, make("p", {}, ...withCode(description)));
  return make("li", { class: "fact" }, left, right, ...more);
}

function parameterFact(document, { name, in: where, required, schema, description = "" }) {
  const note = [where, sayType(document, schema), required ? "" : "optional"].filter(Boolean).join(", ");
  return fact(name, note, description);
}

function bodyFact(document, { type, schema, description }) {
  return fact(type, "", description, ...fieldFacts(document, schema, "required"));
}

function responseFact(document, { status, type, schema, description, headers }) {
  const names = Object.entries(headers).map(([name, header]) => fact(name, "header", header.description ?? ""));
  const fields = fieldFacts(document, schema, "always there");
  const isProblem = type === "application/problem+json";
  // The same for all of them: worth a look once, not every time.
  const inside = isProblem ? [] : [...(names.length > 0 ? [facts(names)] : []), ...fields];
  return fact(status === "default" ? "others" : status, type, description, ...inside);
}

/** `word` is for fields that cannot be left out. */
function fieldFacts(document, schema, word, depth = DEPTH) {
  const fields = depth > 0 ? fieldsOf(document, schema) : [];
  if (fields.length === 0) return [];
  const list = facts(
    fields.map(({ name, type, isRequired, description, schema: inner }) =>
      fact(name, isRequired ? `${type}, ${word}` : type, description, ...fieldFacts(document, inner, word, depth - 1)),
    ),
  );
  return depth === DEPTH ? [list] : [make("details", {}, make("summary", {}, sayCount(fields.length, "field")), list)];
}

function example(command) {
  const code = make("code", {}, command);
  const button = make("button", { type: "button", class: "button" }, "Copy");
  button.addEventListener("click", async () => {
    const isCopied = await navigator.clipboard?.writeText(command).then(() => true, () => false);
    button.textContent = isCopied ? "Copied" : "Press Ctrl+C";
    if (!isCopied) getSelection()?.selectAllChildren(code);
    setTimeout(() => (button.textContent = "Copy"), 2_000);
  });
  return make("div", { class: "example" }, make("pre", { tabindex: "0" }, code), button);
}

/** Text with what stands between backticks as code. */
const withCode = (text) =>
  text.split("`").map((piece, index) => (index % 2 === 1 ? make("code", {}, piece) : piece)).filter((piece) => piece !== "");

function search() {
  const wanted = byId("search").value.trim();
  let count = 0;
  for (const { section, entries } of shown) {
    for (const { operation, element } of entries) element.hidden = !matches(operation, wanted);
    const visible = entries.filter(({ element }) => !element.hidden).length;
    section.hidden = visible === 0;
    count += visible;
  }
  setText(byId("count"), wanted ? `${sayCount(count, "operation")} found` : sayCount(count, "operation"));
}

/** `/docs#createRoom` opens that one. */
function openLinked() {
  const target = document.getElementById(location.hash.slice(1));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.scrollIntoView({ block: "start" });
}

byId("search").addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea")) return;
  event.preventDefault();
  byId("search").focus();
});
window.addEventListener("hashchange", openLinked);
load();
