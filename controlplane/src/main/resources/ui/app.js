// The first page: environments, hosts, stacks and containers with their states and addresses, live.
import { html, render, useEffect, useRef, useState } from "./vendor/htm/3.1.1/standalone.module.js";
import * as api from "./api.js";

/** Changes come in bursts; the picture is fetched at most this often. */
const REFRESH_MS = 150;

const TONE = {
  connected: "good", running: "good", active: "good",
  created: "wait", restarting: "wait", paused: "wait", activating: "wait", upgrading: "wait", draining: "wait", removing: "wait",
  disconnected: "bad", dead: "bad",
};

const State = ({ of }) => html`<span class="state ${TONE[of] ?? ""}">${of ?? "unknown"}</span>`;

const Table = ({ columns, rows, empty }) => rows.length === 0
  ? html`<p class="empty">${empty}</p>`
  : html`<div class="table"><table>
      <thead><tr>${columns.map((c) => html`<th>${c}</th>`)}</tr></thead>
      <tbody>${rows}</tbody>
    </table></div>`;

function Hosts({ hosts }) {
  if (hosts.length === 0) {
    return html`<p class="empty">No host yet. Make a join token and run <span class="mono">drover node --server … --token …</span> on a Docker host.</p>`;
  }
  return html`<div class="hosts">${hosts.map((h) => html`
    <div class="card" key=${h.id} data-host=${h.name}>
      <h3>${h.name} <${State} of=${h.state} /></h3>
      <div class="facts mono">${h.vtep} · ${h.block}</div>
      <div class="facts">${h.containers ?? 0} containers${h.facts?.engine ? ` · Docker ${h.facts.engine}` : ""}${h.facts ? ` · ${h.facts.cpus} cores` : ""}</div>
    </div>`)}</div>`;
}

const ports = (service) => (service.portRules ?? [])
  .map((rule) => `${rule.sourcePort}${rule.hostname || rule.path ? ` ${rule.hostname ?? "*"}${rule.path ?? ""}` : ""} → ${rule.service}:${rule.targetPort}`).join(", ");

function Services({ services }) {
  const byName = (a, b) => `${a.stack}/${a.name}`.localeCompare(`${b.stack}/${b.name}`);
  const rows = [...services].sort(byName).map((s) => html`
    <tr key=${s.id} data-service="${s.stack}/${s.name}">
      <td>${s.stack}</td>
      <td>${s.name}</td>
      <td><${State} of=${s.state} />${s.message ? html`<div class="problem">${s.message}</div>` : ""}</td>
      <td>${s.kind === "load-balancer" ? html`every host: ${ports(s)}` : s.kind !== "service" ? s.kind : `${(s.instances ?? []).filter((i) => i.state === "running").length} of ${s.global ? "one a host" : s.scale}`}</td>
      <td class="mono">${(s.instances ?? []).map((i) => html`<div>${i.name} · ${i.host} · ${i.address ?? "–"}${i.phase?.toLowerCase() === "draining" ? " · draining" : ""}${i.problem ? html` <span class="problem">${i.problem}</span>` : ""}</div>`)}</td>
    </tr>`);
  return html`<${Table} columns=${["Stack", "Service", "State", "Scale", "Instances"]} rows=${rows}
    empty="No stack yet." />`;
}

function Containers({ containers }) {
  const byPlace = (a, b) => `${a.host}/${a.name}`.localeCompare(`${b.host}/${b.name}`);
  const rows = [...containers].sort(byPlace).map((c) => html`
    <tr key="${c.host}/${c.id ?? c.name}" data-container=${c.name}>
      <td>${c.name}</td>
      <td>${c.host}</td>
      <td><${State} of=${c.state} />${c.problem ? html`<div class="problem">${c.problem}</div>` : ""}</td>
      <td class="mono">${c.address ?? "–"}</td>
      <td class="mono">${c.image}</td>
      <td>${c.service ?? html`<span class="facts">Docker CLI</span>`}</td>
    </tr>`);
  return html`<${Table} columns=${["Container", "Host", "State", "Address", "Image", "Service"]} rows=${rows}
    empty="No container yet. One made with docker run appears here by itself." />`;
}

function Login({ onDone }) {
  const [problem, setProblem] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    try {
      await api.login(form.get("user"), form.get("password"));
      onDone();
    } catch (error) {
      setProblem(error instanceof api.Unauthorized ? "Wrong name or password." : error.message);
    }
  };
  return html`<form class="login" onSubmit=${submit}>
    <h1>Drover</h1>
    <input name="user" value="admin" autocomplete="username" aria-label="user" />
    <input name="password" type="password" autocomplete="current-password" aria-label="password" placeholder="password" autofocus />
    <button>Log in</button>
    ${problem && html`<div class="problem" role="alert">${problem}</div>`}
  </form>`;
}

function Page({ onLogout }) {
  const [shown, setShown] = useState({ environments: [], environment: null, hosts: [], services: [], containers: [] });
  const [linked, setLinked] = useState(false);
  const [problem, setProblem] = useState("");
  const wanted = useRef(null);
  const turns = useRef({ begun: 0, done: 0 });

  const failed = (error) => {
    if (error instanceof api.Unauthorized) onLogout();
    else setProblem(error.message);
  };
  /** Answers may overtake each other: one that was asked for before the newest that came, or by a page left, is dropped. */
  const refresh = () => {
    const turn = ++turns.current.begun;
    const inTurn = (then) => (result) => {
      if (turn <= turns.current.done) return;
      turns.current.done = turn;
      then(result);
    };
    api.picture(wanted.current).then(inTurn((next) => {
      wanted.current = next.environment?.id ?? null;
      setShown(next);
      setProblem("");
    }), inTurn(failed));
  };
  const choose = (id) => {
    wanted.current = id;
    turns.current.done = turns.current.begun;
    refresh();
  };

  useEffect(() => {
    let timer = null;
    const soon = () => { timer ??= setTimeout(() => { timer = null; refresh(); }, REFRESH_MS); };
    const end = api.watch(soon, setLinked);
    return () => { clearTimeout(timer); end(); turns.current.done = Infinity; };
  }, []);

  const { environments, environment } = shown;
  return html`
    <header>
      <h1>Drover</h1>
      <nav>${environments.map((e) => html`<button key=${e.id} aria-current=${e.id === environment?.id} onClick=${() => choose(e.id)}>${e.name}</button>`)}</nav>
      <span class="link"><${State} of=${linked ? "connected" : "disconnected"} /></span>
      <nav><button onClick=${() => api.logout().then(onLogout, failed)}>Log out</button></nav>
    </header>
    <main>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      ${environment
        ? html`<p class="facts">${environment.orchestrator.toLowerCase()} · overlay <span class="mono">${environment.subnet}</span> · VNI ${environment.vni}${environment.encryption ? ' · encrypted' : ''}</p>`
        : html`<p class="empty">No environment yet: <span class="mono">drover env create NAME</span></p>`}
      <h2>Hosts</h2><${Hosts} hosts=${shown.hosts} />
      <h2>Stacks</h2><${Services} services=${shown.services} />
      <h2>Containers</h2><${Containers} containers=${shown.containers} />
    </main>`;
}

function App() {
  const [inside, setInside] = useState(null);
  useEffect(() => { api.environments().then(() => setInside(true), () => setInside(false)); }, []);
  if (inside === null) return null;
  return inside ? html`<${Page} onLogout=${() => setInside(false)} />` : html`<${Login} onDone=${() => setInside(true)} />`;
}

render(html`<${App} />`, document.body);
