import type { Instance } from "../api/chutes.js";
import { moment } from "../parts/formats.js";

export function InstanceTable({ instances }: { instances: readonly Instance[] }) {
  return (
    <section class="card" aria-labelledby="instances-title">
      <h2 id="instances-title" class="card-title">
        Instances
      </h2>
      {instances.length === 0 ? (
        <p class="label">None. Warm the chute up, and a miner will start one.</p>
      ) : (
        <table class="table">
          <caption class="hidden">Instances of this chute</caption>
          <thead>
            <tr>
              <th scope="col">Instance</th>
              <th scope="col">State</th>
              <th scope="col">Region</th>
              <th scope="col">Last verified</th>
            </tr>
          </thead>
          <tbody>
            {instances.map((instance) => (
              <tr key={instance.id}>
                <th scope="row" data-label="Instance">
                  <code>{instance.id}</code>
                </th>
                <td data-label="State">
                  <span class={instance.active ? "badge hot" : "badge starting"}>
                    <span class="dot" aria-hidden="true" />
                    {stateWords(instance)}
                  </span>
                </td>
                <td data-label="Region">{instance.region}</td>
                <td data-label="Last verified">
                  {instance.lastVerifiedAt === undefined ? "Not yet" : moment(instance.lastVerifiedAt)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function stateWords({ active, verified }: Instance): string {
  if (active) return "Active";
  return verified ? "Verified, starting" : "Being verified";
}
