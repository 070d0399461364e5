"""python3-consul against the address in the first argument: prints one JSON object of what it saw."""

import json
import sys
import threading

import consul


def main():
    host, port = sys.argv[1].split(":")
    client = consul.Consul(host=host, port=int(port))
    seen = {"leader": client.status.leader(), "datacenter": client.agent.self()["Config"]["Datacenter"]}

    assert client.agent.service.register("py", service_id="py-1", address="127.0.0.1", port=4321, tags=["x", "y"],
                                         check={"ttl": "60s"})
    index, rows = client.health.service("py")
    seen["tags"] = rows[0]["Service"]["Tags"]
    seen["passing"] = [len(client.health.service("py", passing=True)[1])]

    timer = threading.Timer(0.3, lambda: client.catalog.register("other-node", "10.0.0.9", service={
        "service": "py", "id": "py-2", "port": 1}))
    timer.start()
    later, rows = client.health.service("py", index=index, wait="10s")
    seen["blocked"] = [int(later) > int(index), sorted(row["Service"]["ID"] for row in rows)]
    seen["nodes"] = sorted(node["Node"] for node in client.catalog.nodes()[1] if node["Node"] == "other-node")
    client.catalog.deregister("other-node")
    seen["services"] = sorted(name for name in client.catalog.services()[1] if name == "py")

    index, value = client.kv.get("py/key")
    seen["missing"] = value is None
    threading.Timer(0.3, lambda: client.kv.put("py/key", "v1")).start()
    _, value = client.kv.get("py/key", index=index, wait="10s")
    seen["value"] = value["Value"].decode()
    session = client.session.create(name="lock", ttl=10, lock_delay=0)
    other = client.session.create(name="other", ttl=10, lock_delay=0)
    seen["locks"] = [client.kv.put("py/lock", "a", acquire=session), client.kv.put("py/lock", "b", acquire=other),
                     client.kv.put("py/lock", "a", release=session), client.kv.put("py/lock", "b", acquire=other)]
    seen["renewed"] = client.session.renew(other)["ID"] == other
    client.session.destroy(session)
    client.session.destroy(other)
    client.kv.delete("py/", recurse=True)
    print(json.dumps(seen))


main()
