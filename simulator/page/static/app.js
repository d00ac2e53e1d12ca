// Starts the page and keeps it told.
import { attempt, call } from "./dom.js";
import { ensureChinese } from "./font.js";
import * as bars from "./bars.js";
import * as inspector from "./inspector.js";
import * as phones from "./phones.js";

let socket = null;

const HEARD = {
  phone: phones.update,
  counts: ({ counts }) => phones.setCounts(counts),
  wire: ({ rows, violations }) => inspector.wire(rows, violations),
  state: bars.state,
};

function watch(ids) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ watch: ids }));
}

function connect(pause = 300) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/sim/live`);
  socket.addEventListener("open", () => {
    pause = 300;
    document.body.classList.remove("offline");
    watch(phones.watched());
  });
  socket.addEventListener("message", (event) => {
    const told = JSON.parse(event.data);
    HEARD[told.type]?.(told);
  });
  socket.addEventListener("close", () => {
    document.body.classList.add("offline");
    setTimeout(() => connect(Math.min(pause * 2, 5000)), pause);
  });
}

// Shown only then: Chromium keeps the boxes it once drew for characters that had no font.
const [world] = await Promise.all([attempt(() => call("GET", "/sim/world")), ensureChinese()]);
document.body.hidden = false;
if (world) {
  inspector.setUp();
  bars.setUp(world);
  phones.setUp(world, watch);
  connect();
}
