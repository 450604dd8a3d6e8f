import type { FastifySchema, FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import { type App, isRecord } from "./route.ts";

type Validators = FastifySchemaCompiler<FastifySchema>;
type Serializers = FastifySerializerCompiler<FastifySchema>;

/** For Fastify's option `schemaController`: it loads its own compilers when it is made, unless it is given others. */
export const NO_COMPILERS = {
  compilersFactory: { buildValidator: () => notOurs(), buildSerializer: () => notOurs() },
};

/** "5" is no number, and a body is what its client sent (validation.ts). */
const AS_IT_IS = { coerceTypes: false, useDefaults: false, removeAdditional: false } as const;

/**
 * Validators and serializers as Fastify makes them, each when it is first used; what makes them is loaded with the
 * first request that needs one. All of them before a server listens took a third of its start.
 */
export class Compilers {
  readonly #each: (() => unknown)[] = [];
  #fastifys: { readonly validators: Validators; readonly serializers: Serializers } | null = null;
  #loading: Promise<void> | null = null;

  /** Call it before other hooks are added: what one of those refuses is answered without any of it. */
  addTo(app: App): void {
    app.setValidatorCompiler((route) => this.#validator(route));
    app.setSerializerCompiler((route) => this.#serializer(route));
    app.addHook("onRequest", (request, _reply, done) => {
      if (this.#fastifys !== null) return done();
      const { schema, config } = request.routeOptions;
      if (schema === undefined || config.writesItself === true) return done();
      this.load().then(() => done(), done);
    });
  }

  load(): Promise<void> {
    const loading = this.#loading ?? this.#load();
    this.#loading = loading;
    // What could not be read may be readable for the next request.
    loading.catch(() => (this.#loading = null));
    return loading;
  }

  /** Makes all that there are: throws for a schema that is none, and returns how many there are. For tests. */
  async makeAll(): Promise<number> {
    await this.load();
    for (const make of this.#each) make();
    return this.#each.length;
  }

  async #load(): Promise<void> {
    const [{ default: validators }, { default: serializers }] = await Promise.all([
      import("@fastify/ajv-compiler"),
      import("@fastify/fast-json-stringify-compiler"),
    ]);
    const serializer = serializers()();
    this.#fastifys = {
      validators: validators()({}, { customOptions: AS_IT_IS }),
      serializers: (route) => serializer({ ...route, httpStatus: route.httpStatus ?? "" }),
    };
  }

  #validator(route: Parameters<Validators>[0]): ReturnType<Validators> {
    // Fastify lower-cases those names, but not for compilers that are not its own.
    if (route.httpPart === "headers") refuseUpperCase(route.schema);
    const made = this.#once(() => this.#loaded().validators(route));
    const validate: ReturnType<Validators> = (value) => {
      const validator = made();
      const result = validator(value);
      validate.errors = validator.errors ?? null;
      return result;
    };
    return validate;
  }

  #serializer(route: Parameters<Serializers>[0]): ReturnType<Serializers> {
    const made = this.#once(() => this.#loaded().serializers(route));
    return (value) => made()(value);
  }

  #once<T>(make: () => T): () => T {
    let made: { readonly value: T } | null = null;
    const one = () => {
      made ??= { value: make() };
      return made.value;
    };
    this.#each.push(one);
    return one;
  }

  #loaded() {
    if (this.#fastifys === null) throw new Error("a schema is used before what compiles it is loaded");
    return this.#fastifys;
  }
}

function notOurs(): never {
  throw new Error("Fastify asks for a compiler of its own");
}

function refuseUpperCase(schema: unknown): void {
  const names = isRecord(schema) && isRecord(schema["properties"]) ? Object.keys(schema["properties"]) : [];
  for (const name of names)
    if (name !== name.toLowerCase()) throw new Error(`a schema names the header ${name}: write it in lower case`);
}
