// The REST API and the live channel, as the page uses them. All calls are same-origin; the session is an HttpOnly cookie.

export class Unauthorized extends Error {}

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  }).catch(() => { throw new Error("The server does not answer."); });
  if (response.status === 401) throw new Unauthorized("not logged in");
  const text = await response.text();
  const json = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(json.error?.message ?? `${response.status} ${response.statusText}`);
  return json;
}

/** Lists may come bare or as {"items": [...]}. */
const list = async (path) => {
  const json = await call("GET", path);
  return Array.isArray(json) ? json : json.items;
};

export const login = (user, password) => call("POST", "/v1/login", { user, password });
export const logout = () => call("POST", "/v1/logout");
export const environments = () => list("/v1/environments");

/** Everything the page shows: all environments, and what is in the wanted one, or in the first if there is no such one. */
export async function picture(wanted) {
  const all = await environments();
  const environment = all.find((each) => each.id === wanted) ?? all[0] ?? null;
  const base = `/v1/environments/${encodeURIComponent(environment?.id)}`;
  const [hosts, services, containers] = environment
    ? await Promise.all(["hosts", "services", "containers"].map((kind) => list(`${base}/${kind}`)))
    : [[], [], []];
  return { environments: all, environment, hosts, services, containers };
}

/**
 * Calls onChange whenever something changed on the server, and onLink(true|false) as the channel comes and goes. Calls
 * onChange also when the channel breaks or cannot be opened: why, only a request can tell.
 * Reconnects by itself, with a growing pause. Returns a function that ends it.
 */
export function watch(onChange, onLink) {
  let socket, timer, pause = 500, ended = false;
  const open = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/watch`);
    socket.onopen = () => { pause = 500; onLink(true); onChange(); };
    socket.onmessage = () => onChange();
    socket.onclose = () => {
      if (ended) return;
      onLink(false);
      onChange();
      timer = setTimeout(open, pause);
      pause = Math.min(pause * 2, 10_000);
    };
  };
  open();
  return () => { ended = true; clearTimeout(timer); socket.close(); };
}
