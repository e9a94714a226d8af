// Reading an OpenAPI document.
import assert from "node:assert/strict";
import test from "node:test";
import { curlOf, fieldsOf, matches, readGroups, sayType } from "../assets/js/docs/api.js";

const text = { type: "string" };
const DOCUMENT = {
  tags: [{ name: "rooms", description: "What is going on" }, { name: "empty" }],
  paths: {
    "/v1/rooms/{room}": {
      patch: {
        tags: ["rooms"],
        operationId: "changeRoom",
        summary: "Change a room",
        parameters: [{ name: "room", in: "path", required: true, schema: text }],
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Change" } } } },
        responses: {
          default: { description: "Anything else" },
          404: { description: "`room-not-found`" },
          200: { description: "Now", content: { "application/json": { schema: { $ref: "#/components/schemas/Room" } } } },
        },
        security: [{ token: [] }],
      },
      get: { tags: ["rooms"], operationId: "showRoom", responses: {}, security: [{}, { token: [] }] },
    },
    "/whip/{room}": {
      post: {
        tags: ["rooms"],
        operationId: "publish",
        requestBody: { content: { "application/sdp": { schema: text } } },
        responses: {},
      },
    },
  },
  components: {
    schemas: {
      Room: {
        type: "object",
        required: ["name"],
        properties: { kind: { $ref: "#/components/schemas/Kind" }, mute: { $ref: "#/components/schemas/Mute" }, name: text },
      },
      Kind: { type: "string", enum: ["room", "whip"], description: "How" },
      Mute: { oneOf: [{ type: "boolean" }, { type: "object", additionalProperties: { type: "boolean" } }] },
      Change: {
        type: "object",
        example: { locked: true },
        properties: {
          room: { oneOf: [{ $ref: "#/components/schemas/Room", description: "The other" }, { type: "null" }] },
          list: { type: "array", items: { $ref: "#/components/schemas/Room" } },
          seconds: { type: ["integer", "null"], maximum: 2592000 },
        },
      },
    },
  },
};

const [group] = readGroups(DOCUMENT);
const find = (id) => group.operations.find((operation) => operation.id === id);

test("operations are grouped by tag, and tags without any are left out", () => {
  assert.deepEqual(
    readGroups(DOCUMENT).map(({ name }) => name),
    ["rooms"],
  );
  assert.deepEqual(
    group.operations.map(({ method, path }) => `${method} ${path}`),
    ["GET /v1/rooms/{room}", "PATCH /v1/rooms/{room}", "POST /whip/{room}"],
  );
});

test("answers are in the order of their status, the others last", () => {
  assert.deepEqual(
    find("changeRoom").responses.map(({ status }) => status),
    ["200", "404", "default"],
  );
});

test("a token is needed unless going without is one of the ways", () => {
  assert.equal(find("changeRoom").needsToken, true);
  assert.equal(find("showRoom").needsToken, false);
  assert.equal(find("publish").needsToken, false);
});

test("a search finds every word, wherever it stands", () => {
  assert.ok(matches(find("changeRoom"), "PATCH not-found"));
  assert.ok(matches(find("changeRoom"), ""));
  assert.ok(!matches(find("changeRoom"), "patch sdp"));
});

test("types are said in words, and null is no choice", () => {
  const fields = fieldsOf(DOCUMENT, { $ref: "#/components/schemas/Change" });
  assert.deepEqual(
    fields.map(({ name, type }) => [name, type]),
    [
      ["room", "Room"],
      ["list", "list of Room"],
      ["seconds", "whole number, up to 2,592,000"],
    ],
  );
  assert.equal(fields[0].description, "The other");
  assert.equal(sayType(DOCUMENT, { $ref: "#/components/schemas/Kind" }), "room | whip");
  assert.equal(sayType(DOCUMENT, { $ref: "#/components/schemas/Mute" }), "true or false, or object of true or false");
});

test("fields of a list are those of what it lists, those that are needed first", () => {
  const [, list] = fieldsOf(DOCUMENT, { $ref: "#/components/schemas/Change" });
  const inner = fieldsOf(DOCUMENT, list.schema);
  assert.deepEqual(
    inner.map(({ name, isRequired }) => [name, isRequired]),
    [
      ["name", true],
      ["kind", false],
      ["mute", false],
    ],
  );
  assert.equal(inner[1].description, "How");
});

test("a command line names the method, the token, the body", () => {
  const line = (id) => curlOf(DOCUMENT, find(id), "http://a.example");
  assert.equal(line("showRoom"), "curl 'http://a.example/v1/rooms/demo'");
  assert.equal(
    line("changeRoom"),
    `curl -X PATCH -H "Authorization: Bearer $TOKEN" --json '{"locked":true}' 'http://a.example/v1/rooms/demo'`,
  );
  assert.equal(
    line("publish"),
    `curl -X POST -H "Content-Type: application/sdp" --data-binary @offer.sdp 'http://a.example/whip/demo'`,
  );
});
