/** One step of work that a person may watch. `note` says what is going on inside it. */
export interface Step<State> {
  readonly title: string;
  run(state: State, note: (text: string) => void): Promise<void>;
}
