import type { Cord } from "../../wire/cords.js";
import type { DeployRequest, Job } from "./deploy-request.js";
import { pythonSyntaxError } from "./python-syntax.js";

const NAME_SHAPE = /^(?:[a-z0-9_.-]+\/)*[a-z0-9][a-z0-9_./-]*$/i;
const FILENAME_SHAPE = /^[a-z][a-z0-9_]*\.py$/;
const REFERENCE_SHAPE = /^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*$/;
const CORD_PATH_SHAPE = /^(?:\/[a-z][a-z0-9_]*)+$/i;
const PUBLIC_PATH_SHAPE = /^(?:\/[a-z][a-z0-9_-]*)+$/i;
const PUBLIC_METHODS: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]);
/** The runtime answers these itself. */
const RESERVED_PUBLIC_PATHS: ReadonlySet<string> = new Set(["/evidence", "/hf_info"]);

/** Of all cords or all jobs together, as JSON. */
const CALLABLE_BYTES = 1024 * 1024;
const SSH_PORT = 2202;
const FIRST_FREE_PORT = 8002;

/** Whether the text may name a chute. @see protocol 03 §3 */
export function isChuteName(text: string): boolean {
  return text.length >= 3 && text.length < 128 && NAME_SHAPE.test(text);
}

/** What a record is measured against besides itself. */
export interface RecordLimits {
  readonly maxCords: number;
  /** Whether the logo that the request names is one of the owner's. */
  readonly hasLogo: boolean;
}

/** The first rule of a stored chute that a request breaks, as a sentence for its author. @see protocol 03 §5.1, §8 */
export function recordProblem(request: DeployRequest, { maxCords, hasLogo }: RecordLimits): string | undefined {
  if (!isChuteName(request.name)) return `${request.name} is not a chute name`;
  if (!FILENAME_SHAPE.test(request.filename)) return `filename ${request.filename} must match ${FILENAME_SHAPE.source}`;
  if (!REFERENCE_SHAPE.test(request.refStr)) return `ref_str ${request.refStr} must match ${REFERENCE_SHAPE.source}`;
  if (request.logoId !== null && !hasLogo) return `logo ${request.logoId} does not exist`;
  if (request.cords.length > 0 && request.jobs.length > 0) return "a chute has either cords or jobs, not both";
  if (request.cords.length === 0 && request.jobs.length === 0) return "a chute needs at least one cord or one job";
  return cordsProblem(request.cords, maxCords) ?? jobsProblem(request.jobs) ?? codeProblem(request);
}

function codeProblem({ code, filename }: DeployRequest): string | undefined {
  const error = pythonSyntaxError(code);
  return error && `${filename} is not Python: line ${error.line}, column ${error.column}: ${error.what}`;
}

function cordsProblem(cords: readonly Cord[], maxCords: number): string | undefined {
  if (cords.length > maxCords) return `a chute has at most ${maxCords} cords`;
  if (bytesOf(cords) > CALLABLE_BYTES) return "the cords take more than 1 MiB";
  const paths = new Set(cords.map(({ path }) => path));
  if (paths.size < cords.length) return "two cords have the same path";
  return firstOf(cords, cordProblem);
}

function jobsProblem(jobs: readonly Job[]): string | undefined {
  if (bytesOf(jobs) > CALLABLE_BYTES) return "the jobs take more than 1 MiB";
  return firstOf(jobs, jobProblem);
}

function bytesOf(callables: readonly unknown[]): number {
  return Buffer.byteLength(JSON.stringify(callables));
}

function cordProblem(cord: Cord): string | undefined {
  if (!CORD_PATH_SHAPE.test(cord.path)) return `cord path ${cord.path} must match ${CORD_PATH_SHAPE.source}`;
  const publicPath = cord.public_api_path;
  if (publicPath === null || publicPath === "") return undefined;
  if (!PUBLIC_PATH_SHAPE.test(publicPath))
    return `public_api_path ${publicPath} must match ${PUBLIC_PATH_SHAPE.source}`;
  if (RESERVED_PUBLIC_PATHS.has(publicPath.toLowerCase())) return `public_api_path ${publicPath} is reserved`;
  if (!PUBLIC_METHODS.has(cord.public_api_method ?? ""))
    return `public_api_method of ${publicPath} must be an HTTP method`;
  return undefined;
}

function jobProblem(job: Job): string | undefined {
  const ports = job.ports.map(({ port }) => port);
  if (new Set(ports).size < ports.length) return `job ${job.name} names a port twice`;
  const bad = ports.find((port) => port !== SSH_PORT && port < FIRST_FREE_PORT);
  return bad === undefined
    ? undefined
    : `port ${bad} of job ${job.name} must be ${SSH_PORT} or at least ${FIRST_FREE_PORT}`;
}

function firstOf<T>(items: readonly T[], problemOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const problem = problemOf(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
