// How things stand, as one sentence and its kind (good, busy, wait, bad, idle).
const NEEDS = { login_required: "needs_sign_in", new: "needs_sign_in", challenged: "needs_challenge", crashed: "needs_start" };

export function statusOf(state, words, mayControl) {
  const { status, control } = state;
  if (state.refused) return { kind: "bad", text: words("refused") };
  if (!state.connected) return { kind: "wait", text: words(state.me === null ? "connecting" : "lost") };
  if (control.state === "waiting") return { kind: "busy", text: words(status.running ? "draining" : "starting") };
  if (control.state === "held") return held(state, words, mayControl);
  return free(state, words, mayControl);
}

function held({ status, control, me }, words, mayControl) {
  if (control.holder === null) return { kind: "busy", text: words("away", { who: control.who }) };
  if (control.holder !== me) return { kind: "busy", text: words(mayControl ? "other" : "other_view", { who: control.who }) };
  if (!status.running) return { kind: "busy", text: words("starting") };
  if (control.ends) return { kind: "wait", text: words(`ends_${control.ends}`) };
  if (status.seen === "ready") return { kind: "good", text: words("held_ready") };
  if (status.seen === "challenged") return { kind: "wait", text: words("waiting_challenge") };
  return { kind: "wait", text: words(status.seen ? "waiting_sign_in" : "waiting_check") };
}

function free({ status, control }, words, mayControl) {
  if (status.clearance === "disabled") return { kind: "idle", text: words(mayControl ? "needs_enable" : "view_needs") };
  if (status.released) return { kind: "busy", text: words("released") };
  const ready = status.clearance === "ready";
  if (control.why === "signed_in" && (ready || status.clearance === "verifying")) {
    return { kind: "good", text: words(control.tasks ? "signed_in" : "signed_in_none", control) };
  }
  if (["idle", "too_long", "away", "failed"].includes(control.why)) {
    return { kind: control.why === "failed" ? "bad" : "wait", text: words(`why_${control.why}`) };
  }
  if (ready) return status.running ? { kind: "good", text: words("watching") } : { kind: "idle", text: words("asleep") };
  if (status.clearance === "verifying" || status.clearance === "held") return { kind: "busy", text: words("checking") };
  if (status.clearance in NEEDS) return { kind: "wait", text: words(mayControl ? NEEDS[status.clearance] : "view_needs") };
  return { kind: "bad", text: words("needs_look", { reason: status.reason || status.clearance || "" }) };
}
