// What every page has: actions without leaving the page, dialogs, copying, tabs, theme, and its being live.
import { startLive, refresh } from "./live.js";
import { startActions } from "./actions.js";
import { startDialogs } from "./dialogs.js";
import { startParts } from "./parts.js";

startParts();
startDialogs();
startActions(refresh);
startLive(document.body.dataset.events);
