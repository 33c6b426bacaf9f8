// Serves scimmy with scimmy-routers and Express 4: a second implementation of SCIM, with departments, attributes of our
// own, and names that are refused. Run with NODE_MODULES pointing at what npm installed.
//
//     NODE_MODULES=.venv/services/scimmy/node_modules node scimmy_app.mjs
//
// The first line says where it serves; every workspace has users of its own. `PUT /refuse/NAME` makes it refuse users of
// this name, `PUT /refuse/` none any more.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { randomUUID } from "node:crypto";
import path from "node:path";

const require = createRequire(path.join(process.env.NODE_MODULES, "x.js"));
const { default: SCIMMY } = await import(pathToFileURL(path.join(process.env.NODE_MODULES, "scimmy/dist/scimmy.js")));
const { default: Routers } = await import(pathToFileURL(path.join(process.env.NODE_MODULES, "scimmy-routers/dist/routers.js")));
const express = require("express");
const { Attribute, Schema, SchemaDefinition, Resource } = SCIMMY.Types;
const Failure = SCIMMY.Types.Error;

class DepartmentSchema extends Schema {
    static #definition = new SchemaDefinition("Department", "urn:ietf:params:scim:schemas:acme:2.0:Department", "Department", [
        new Attribute("string", "displayName", { required: true }),
        new Attribute("complex", "parent", {}, [new Attribute("string", "value")]),
    ]);
    static get id() { return DepartmentSchema.#definition.id; }
    static get definition() { return DepartmentSchema.#definition; }
    constructor(resource, direction = "both", basepath, filters) {
        super(resource, direction);
        Object.assign(this, DepartmentSchema.#definition.coerce(resource, direction, basepath, filters));
    }
}

class Department extends Resource {
    static #basepath;
    static #handlers = {};
    static get endpoint() { return "/Departments"; }
    static get schema() { return DepartmentSchema; }
    static basepath(base) {
        if (base === undefined) return Department.#basepath;
        Department.#basepath = base + Department.endpoint;
        return Department;
    }
    static ingress(handler) { Department.#handlers.ingress = handler; return Department; }
    static egress(handler) { Department.#handlers.egress = handler; return Department; }
    static degress(handler) { Department.#handlers.degress = handler; return Department; }
    #out(found) { return new DepartmentSchema(found, "out", Department.#basepath, this.attributes); }
    async read(context) {
        const found = await Department.#handlers.egress(this, context);
        if (this.id) return this.#out(found);
        return new SCIMMY.Messages.ListResponse(found.map((one) => this.#out(one)), this.constraints);
    }
    async write(instance, context) {
        return this.#out(await Department.#handlers.ingress(this, new DepartmentSchema(instance, "in"), context));
    }
    async patch(message, context) {
        return await new SCIMMY.Messages.PatchOp(message)
            .apply(await this.read(context), async (instance) => await this.write(instance, context));
    }
    async dispose(context) { await Department.#handlers.degress(this, context); }
}

const workspaces = new Map();
const refused = new Set();

function kept(workspace, kind) {
    const key = `${workspace}/${kind}`;
    if (!workspaces.has(key)) workspaces.set(key, new Map());
    return workspaces.get(key);
}

function declare(type, kind, name, unique) {
    const found = (resource, store) => {
        const one = store.get(resource.id);
        if (!one) throw new Failure(404, null, `Resource ${resource.id} not found`);
        return one;
    };
    SCIMMY.Resources.declare(type)
        .ingress((resource, instance, workspace) => {
            const store = kept(workspace, kind);
            if (resource.id) found(resource, store);
            if (refused.has(instance[name])) throw new Failure(400, null, "the application says no");
            const id = resource.id ?? randomUUID();
            for (const [other, one] of store) {
                const same = String(one[name]).toLowerCase() === String(instance[name]).toLowerCase();
                if (unique && other !== id && same) throw new Failure(409, "uniqueness", `${name} is taken`);
            }
            const now = new Date().toISOString();
            const created = store.get(id)?.meta.created ?? now;
            const one = { ...JSON.parse(JSON.stringify(instance)), id, meta: { created, lastModified: now } };
            store.set(id, one);
            return one;
        })
        .egress((resource, workspace) => {
            const store = kept(workspace, kind);
            if (resource.id) return found(resource, store);
            const all = [...store.values()];
            return resource.filter ? resource.filter.match(all) : all;
        })
        .degress((resource, workspace) => {
            const store = kept(workspace, kind);
            found(resource, store);
            store.delete(resource.id);
        });
}

const own = ["phone", "quote", "empty", "a", "b", "c", "kept", "gone", "json", "null", "nul"];
SCIMMY.Schemas.User.definition.extend(own.map((name) => new Attribute("string", name, { caseExact: true })));
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
declare(SCIMMY.Resources.User, "User", "userName", true);
declare(SCIMMY.Resources.Group, "Group", "displayName", true);
declare(Department, "Department", "displayName", false);

const app = express();
app.put("/refuse/:name?", (request, response) => {
    if (request.params.name) refused.add(request.params.name);
    else refused.clear();
    response.status(204).end();
});
const handler = (request) => {
    if (request.header("Authorization") !== "Bearer sekret") throw new Error("wrong token");
    return "admin";
};
const address = (request) => `http://${request.header("Host")}`;
app.use("/:workspace/scim/v2", new Routers({ type: "bearer", baseUri: address, handler, context: (request) => request.params.workspace }));
const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
server.keepAliveTimeout = 60000;
