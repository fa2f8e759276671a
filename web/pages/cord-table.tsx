import type { ChuteDetail } from "../api/chutes.js";

/** The functions that can be called, with where. */
export function CordTable({ chute: { cords } }: { chute: ChuteDetail }) {
  return (
    <section class="card" aria-labelledby="cords-title">
      <h2 id="cords-title" class="card-title">
        Functions
      </h2>
      {cords.length === 0 ? (
        <p class="label">This chute has no functions to call.</p>
      ) : (
        <table class="table">
          <caption class="hidden">Functions of this chute</caption>
          <thead>
            <tr>
              <th scope="col">Function</th>
              <th scope="col">Call</th>
              <th scope="col">Answer</th>
            </tr>
          </thead>
          <tbody>
            {cords.map(({ name, method, path, streams }) => (
              <tr key={`${method} ${path} ${name}`}>
                <th scope="row" data-label="Function">
                  {name}
                </th>
                <td data-label="Call">
                  <code>
                    {method} {path}
                  </code>
                </td>
                <td data-label="Answer">{streams ? "Stream" : "Whole"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
