/**
 * Reading an OpenAPI document: what its operations are, what a schema means in words, an example of it, a command line
 * that uses it. Values in, values out; no page.
 *
 * @module
 */

const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * @typedef {object} Operation
 * @property {string} id
 * @property {string} method upper case
 * @property {string} path
 * @property {string} tag
 * @property {string} summary
 * @property {string} description
 * @property {any[]} parameters
 * @property {{description: string, type: string, schema: any} | null} body
 * @property {{status: string, description: string, type: string, schema: any, headers: Record<string, any>}[]} responses
 * @property {boolean} needsToken
 * @property {string} words everything that can be searched for, lower case
 */

/**
 * All operations, grouped by tag in the order of the document's tags.
 *
 * @param {any} document
 * @returns {{name: string, description: string, operations: Operation[]}[]}
 */
export function readGroups(document) {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => readOperation(path, method, item[method])),
  );
  return (document.tags ?? [])
    .map(({ name, description = "" }) => ({
      name,
      description,
      operations: operations.filter(({ tag }) => tag === name),
    }))
    .filter((group) => group.operations.length > 0);
}

/** @returns {Operation} */
function readOperation(path, method, raw) {
  const responses = Object.entries(raw.responses ?? {})
    .sort(([a], [b]) => order(a) - order(b))
    .map(([status, response]) => ({
      status,
      description: response.description ?? "",
      headers: response.headers ?? {},
      ...firstContent(response.content),
    }));
  const body = raw.requestBody && {
    description: raw.requestBody.description ?? "",
    ...firstContent(raw.requestBody.content),
  };
  const security = raw.security ?? [];
  const operation = {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    tag: raw.tags?.[0] ?? "",
    summary: raw.summary ?? "",
    description: raw.description ?? "",
    parameters: raw.parameters ?? [],
    body: body ?? null,
    responses,
    needsToken: security.length > 0 && !security.some((way) => Object.keys(way).length === 0),
  };
  return { ...operation, words: wordsOf(operation) };
}

/** "default" comes last. */
const order = (status) => (/^\d+$/.test(status) ? Number(status) : 1_000);

function firstContent(content) {
  const [type = "", media] = Object.entries(content ?? {})[0] ?? [];
  return { type, schema: media?.schema ?? null };
}

function wordsOf({ id, method, path, tag, summary, description, parameters, responses }) {
  const named = parameters.map(({ name, description = "" }) => `${name} ${description}`);
  const said = responses.map((response) => `${response.status} ${response.description}`);
  return [id, method, path, tag, summary, description, ...named, ...said].join(" ").toLowerCase();
}

/**
 * Whether an operation has every word of a search in it.
 *
 * @param {Operation} operation
 * @param {string} search
 */
export const matches = (operation, search) =>
  search.toLowerCase().split(/\s+/).every((word) => operation.words.includes(word));

/**
 * The schema that a reference means.
 *
 * @param {any} document
 * @param {any} schema
 * @returns {any}
 */
export function resolve(document, schema) {
  const name = schema?.$ref?.replace("#/components/schemas/", "");
  return name ? (document.components?.schemas?.[name] ?? {}) : (schema ?? {});
}

/** What may be there may also be `null`, which is the same as its absence: that is left out here. */
function withoutNull(document, schema) {
  const choices = (schema.oneOf ?? schema.anyOf)?.filter(({ type }) => type !== "null");
  if (choices?.length === 1) return { ...choices[0], description: schema.description ?? choices[0].description };
  return schema;
}

/**
 * The fields of an object, references followed, those that cannot be left out first; none if it is not an object.
 *
 * @param {any} document
 * @param {any} schema
 * @returns {{name: string, type: string, isRequired: boolean, description: string, schema: any}[]}
 */
export function fieldsOf(document, schema) {
  const { properties = {}, required = [] } = insideOf(document, schema);
  const fields = Object.entries(properties).map(([name, raw]) => {
    const field = withoutNull(document, raw);
    return {
      name,
      type: sayType(document, field),
      isRequired: required.includes(name),
      description: field.description ?? resolve(document, field).description ?? "",
      schema: field,
    };
  });
  return fields.sort((a, b) => Number(b.isRequired) - Number(a.isRequired));
}

/** Of a list, what is listed. */
function insideOf(document, schema) {
  const resolved = resolve(document, withoutNull(document, schema ?? {}));
  return resolved.items ? insideOf(document, resolved.items) : resolved;
}

/**
 * A type in words: `text`, `list of Room`, `camera | screen`, `whole number, up to 7`.
 *
 * @param {any} document
 * @param {any} schema
 * @returns {string}
 */
export function sayType(document, schema) {
  if (!schema) return "";
  const plain = withoutNull(document, schema);
  const resolved = resolve(document, plain);
  if (resolved.enum) return resolved.enum.join(" | ");
  if (plain.$ref && resolved.type === "object") return plain.$ref.split("/").pop();
  const choices = resolved.oneOf ?? resolved.anyOf;
  if (choices) return choices.map((choice) => sayType(document, choice)).join(", or ");
  const type = [resolved.type].flat().find((name) => name !== "null");
  if (type === "array") return `list of ${sayType(document, resolved.items)}`;
  if (type === "object" && resolved.additionalProperties) {
    return `object of ${sayType(document, resolved.additionalProperties)}`;
  }
  return `${TYPES[type] ?? type ?? "anything"}${sayBounds(resolved)}`;
}

const TYPES = { string: "text", integer: "whole number", number: "number", boolean: "true or false", object: "object" };

function sayBounds({ maximum, maxLength, format }) {
  if (maxLength) return `, up to ${maxLength.toLocaleString("en")} characters`;
  if (maximum) return `, up to ${maximum.toLocaleString("en")}`;
  return format === "date-time" ? ", RFC 3339" : "";
}

/**
 * A command line that does it.
 *
 * @param {any} document
 * @param {Operation} operation
 * @param {string} origin
 */
export function curlOf(document, operation, origin) {
  const { method, path, body, needsToken } = operation;
  const address = origin + path.replaceAll("{room}", "demo").replaceAll("{participant}", "ada");
  const parts = ["curl"];
  if (method !== "GET") parts.push(`-X ${method}`);
  if (needsToken) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (body?.type === "application/json") {
    const example = resolve(document, body.schema).example;
    parts.push(`--json '${JSON.stringify(example ?? {})}'`);
    if (method === "POST") parts.splice(parts.indexOf("-X POST"), 1);
  } else if (body) {
    const file = body.type === "application/sdp" ? "offer.sdp" : "fragment.txt";
    parts.push(`-H "Content-Type: ${body.type}" --data-binary @${file}`);
  }
  return `${parts.join(" ")} '${address}'`;
}
