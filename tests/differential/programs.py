"""The programs that read the same tags: Traefik and fabio as they are, and Weir, each following one Consul."""

import gzip
import json
import os

from harness.http import get, request
from harness.processes import Process, free_ports
from harness.wait import wait_for

# As near to the two as the switches of docs/routing.md bring it: what they drop is dropped.
AS_THEY_DO = """
[providers.consul]
conflicts = "drop"
unknown_fields = "instance"
empty_routes = "absent"
tombstone_ms = 0
"""


# What each of the programs adds by itself, by settings of its own.
OWN_FIELDS = {f"x-{name}" for name in ("forwarded-for", "forwarded-host", "forwarded-port", "forwarded-server",
                                       "real-ip", "traefik-router")}


POLICY_FIELDS = ("strict-transport-security", "x-frame-options", "x-content-type-options", "x-xss-protection",
                 "content-security-policy", "referrer-policy", "permissions-policy", "vary", "x-set",
                 "content-encoding", "set-cookie",
                 *(f"access-control-{name}" for name in ("allow-origin", "allow-methods", "allow-headers",
                                                          "allow-credentials", "expose-headers", "max-age")))


def decoded(response):
    """The body as it was before it was made smaller."""
    coding = response.header("content-encoding")
    return {None: bytes, "gzip": gzip.decompress}[coding](response.body)


def local(response):
    """A status, what the upstream saw, where a redirect leads and what password is asked for: what is compared."""
    out = {"status": response.status}
    if response.status == 200 and response.body:  # a preflight's answer has none
        seen = json.loads(decoded(response))
        headers = {name.lower(): value for name, value in seen["headers"]}
        out.update(upstream=seen["name"], target=seen["target"], host=headers.get("host"),
                   fields={name: value for name, value in headers.items()
                           if name == "authorization" or name.startswith("x-") and name not in OWN_FIELDS})
    # Of errors Go says more than is asked for.
    for name in ("location", "www-authenticate", "x-answer", *(POLICY_FIELDS if response.status == 200 else ())):
        if response.header(name) is not None:
            out[name] = response.header(name)
    return out


class Traefik:
    name = "traefik"

    def __init__(self, t, consul, binary, options):
        self.port, self.api_port, second = free_ports(3)
        self.second = second
        catalog = {"exposedByDefault": True, "watch": True, "endpoint": {"address": consul.split("//")[1]},
                   **options.get("traefik", {})}
        static = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}, "log": {"level": "ERROR"},
                  "api": {"insecure": True},
                  "entryPoints": {"web": {"address": f"127.0.0.1:{self.port}"},
                                  "second": {"address": f"127.0.0.1:{second}"},
                                  "traefik": {"address": f"127.0.0.1:{self.api_port}"}},
                  "providers": {"providersThrottleDuration": "10ms", "consulCatalog": catalog}}
        self.process = t.track(Process([binary, f"--configfile={t.write('traefik.yml', json.dumps(static))}"],
                                       t.path("traefik.log")))

    def route_tags(self, host):
        return [f"traefik.http.routers.sentinel.rule=Host(`{host}`)", "traefik.http.routers.sentinel.priority=1000000"]

    def ask(self, case):
        port = self.second if case.get("entry_point") == "second" else self.port
        return ask(port, case)

    def routes(self):
        """name -> rule, priority, middlewares and service of the catalog's routers; and the names of those that do not
        route."""
        found = get(f"127.0.0.1:{self.api_port}", "/api/http/routers?per_page=1000").json()
        found = [one for one in found if one.get("provider") == "consulcatalog"]
        disabled = {bare(one["name"]) for one in found if one.get("status") == "disabled"}
        return {bare(one["name"]): {
            "rule": one["rule"], "priority": one.get("priority", len(one["rule"])),
            "service": bare(one["service"]), "middlewares": [bare(name) for name in one.get("middlewares", [])]}
            for one in found if bare(one["name"]) not in disabled}, disabled

    def servers(self):
        """service -> sorted URLs"""
        found = get(f"127.0.0.1:{self.api_port}", "/api/http/services?per_page=1000").json()
        return {bare(one["name"]): sorted(server["url"] for server in one["loadBalancer"].get("servers") or [])
                for one in found if one.get("provider") == "consulcatalog" and "loadBalancer" in one}


class Fabio:
    name = "fabio"

    def __init__(self, t, consul, binary, options):
        self.port, self.api_port = free_ports(2)
        arguments = ["-proxy.addr", f"127.0.0.1:{self.port}", "-ui.addr", f"127.0.0.1:{self.api_port}",
                     "-registry.consul.addr", consul, "-registry.consul.register.enabled=false",
                     "-registry.consul.kvpath", "/fabio/config", "-metrics.target", "",
                     *options.get("fabio", [])]
        self.process = t.track(Process([binary, *arguments], t.path("fabio.log")))

    def route_tags(self, host):
        return [f"urlprefix-{host}/"]

    def ask(self, case):
        return ask(self.port, case)


class WeirEdge:
    name = "weir"

    def __init__(self, t, consul, options):
        lines = options.get("weir", [])
        if not any(line.startswith("exposed_by_default") for line in lines):
            lines = [*lines, "exposed_by_default = true"]
        config = AS_THEY_DO + "\n".join(lines) + f"""
[entrypoints.second]
address = "127.0.0.1:0"
{chr(10).join(options.get("weir_second", []))}

[providers.consulkv]
addresses = ["{consul}"]
root_key = ""
fabio_prefix = "fabio/config"
{chr(10).join(options.get("weir_kv", []))}

[safety]
mass_removal_count_min = 1000000
"""
        self.edge = t.edge(config=config, consul=consul, wait=False)
        self.process = self.edge

    def ask(self, case):
        if not self.edge.ready:
            self.edge.wait_ready(30)
        return ask(int(self.edge.entry_point(case.get("entry_point", "web")).rsplit(":", 1)[1]), case)

    def routes(self):
        return {bare(one["name"]): {
            "rule": one["rule"], "priority": one["priority"], "service": bare(one["service"]),
            "middlewares": [bare(name) for name in one["middlewares"]]}
            for one in self.edge.api("/api/routers") if one["name"].endswith("@consul")}

    def servers(self):
        return {bare(one["name"]): sorted(end["url"] for end in one["endpoints"])
                for one in self.edge.api("/api/services") if one["name"].endswith("@consul")}


def bare(name):
    return name.rsplit("@", 1)[0]


def ask(port, case):
    response = request(f"127.0.0.1:{port}", case.get("method", "GET"), case["path"], case.get("headers", []),
                       host=case["host"])
    return local(response)
