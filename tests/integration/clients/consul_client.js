// The npm package "consul" against the address in the first argument: prints one JSON object of what it saw.
"use strict";
const Consul = require("consul").default ?? require("consul");

const [host, port] = process.argv[2].split(":");
const consul = new Consul({ host, port: Number(port) });

// The next change that a watch reports and `wanted` accepts.
function next(watch, wanted) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no change within 10 s")), 10000);
    const onChange = (data) => {
      if (!wanted(data)) return;
      clearTimeout(timer);
      watch.removeListener("change", onChange);
      resolve(data);
    };
    watch.on("change", onChange);
  });
}

async function main() {
  const seen = {};
  seen.leader = await consul.status.leader();
  seen.self = (await consul.agent.self()).Config.Datacenter;

  const watch = consul.watch({ method: consul.health.service, options: { service: "js", wait: "5s" } });
  watch.on("error", (error) => { seen.watchError = error.message; });
  await next(watch, (rows) => rows.length === 0);
  const registered = next(watch, (rows) => rows.length === 1);
  await consul.agent.service.register({
    name: "js", id: "js/1", address: "127.0.0.1", port: 1234, tags: ["a,b", "weir.http.routers.js.rule=Host(`x`) && Path(`/`)"],
    check: { ttl: "60s" },
  });
  const row = (await registered)[0];
  seen.tags = row.Service.Tags;
  seen.status = row.Checks.filter((c) => c.ServiceID === "js/1").map((c) => c.Status);

  const passing = next(watch, (rows) => rows.length === 1 && rows[0].Checks.every((c) => c.Status === "passing"));
  await consul.agent.check.pass("service:js/1");
  await passing;
  seen.services = Object.keys(await consul.agent.service.list());

  const gone = next(watch, (rows) => rows.length === 0);
  await consul.agent.service.deregister("js/1");
  await gone;
  watch.end();

  seen.missing = (await consul.kv.get("js/none")) === undefined;
  await consul.kv.set("js/key with / and ü", "value");
  seen.value = (await consul.kv.get("js/key with / and ü")).Value;
  const session = await consul.session.create();
  seen.locked = await consul.kv.set({ key: "js/lock", value: "1", acquire: session.ID });
  await consul.session.destroy(session.ID);
  seen.keys = await consul.kv.keys("js/");
  await consul.kv.del({ key: "js/", recurse: true });

  try {
    await consul.agent.check.pass("no-such-check");
  } catch (error) {
    seen.error = error.message;
  }
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
