import { startHover } from "./studio.js";
import "./tasks.js";

startHover();
