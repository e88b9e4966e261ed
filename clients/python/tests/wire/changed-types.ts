/** Prints the Python module of types of OpenAPI documents that have one more field. */
import { openApiDocuments, pythonTypesOf } from "../../../../scripts/python/types.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document of JSON, which is changed in place
const [treasury, ...others] = structuredClone(openApiDocuments()) as any[];

/** Adds a required field to the object at a path. */
function add(schema: { properties: object; required: string[] }): void {
  Object.assign(schema.properties, { added: { type: "string" } });
  schema.required.push("added");
}

add(treasury.paths["/v1/purchases"].post.requestBody.content["application/json"].schema);
add(
  treasury.paths["/v1/credential"].get.responses[200].content["application/json"].schema.properties
    .nodes.items,
);
add(
  treasury.paths["/v1/tree"].get.responses[200].content["application/json"].schema.properties.nodes
    .items,
);
process.stdout.write(pythonTypesOf([treasury, ...others]));
