// The small world of an interoperability test, for Node programs that know nothing of it: what
// sitecustomize.py is for Python. Loaded with `node --require`.
"use strict";

const net = require("node:net");

const world = JSON.parse(process.env.INTEROP_WORLD ?? "{}");
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  // Node's own callers pass one array that is read already; others pass options or a port.
  const args = Array.isArray(given[0]) ? given[0] : given;
  const options = args[0];
  if (typeof options !== "object" || options === null || options.path) {
    return connect.apply(this, given);
  }
  const host = options.host ?? "localhost";
  const known = world[host];
  if (known === undefined) {
    if (host === "localhost" || net.isIP(host)) return connect.apply(this, given);
    process.nextTick(() => this.destroy(new Error(`${host} is not part of this test`)));
    return this;
  }
  const [address, port] = known;
  options.host = address;
  if (Number(options.port) === 443) options.port = port;
  return connect.apply(this, given);
};
