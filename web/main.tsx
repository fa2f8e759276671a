import { render } from "preact";
import { App } from "./app/app.js";
import "./styles/all.css";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
