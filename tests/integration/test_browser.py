"""The demo's page in a real browser, through the edge."""

import json
import os
import re
import subprocess

from harness import processes
from harness.http import split_address
from harness.test import host_tag, register, takes, wait_status
from harness.wait import wait_for

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
CHROMIUM = "/usr/bin/chromium"
PRESSES = 12


def browse(t, url, leave=()):
    """What Chromium saw; `leave` is what ends the frontends when all else is done. WEIR_PICTURES names a folder for
    its screenshots."""
    modules = os.path.join(processes.PEERS, "node", "node_modules")
    assert os.path.isdir(os.path.join(modules, "playwright-core")), "playwright-core: run scripts/setup --tests"
    assert os.path.exists(CHROMIUM), f"{CHROMIUM} is missing: run scripts/setup --tests"
    # A home of its own: a person's profile is neither read nor written.
    environment = {**os.environ, "NODE_PATH": modules, "HOME": t.path("home", ""), "LEAVE": " ".join(leave)}
    command = ["node", os.path.join(CLIENTS, "browser.js"), url, str(PRESSES)]
    pictures = os.environ.get("WEIR_PICTURES")
    result = subprocess.run(command + ([pictures] if pictures else []), capture_output=True, text=True, timeout=80,
                            env=environment, check=False)
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    return json.loads(result.stdout)


def start_service(t, registry, service, number):
    """One instance of the demo's service, registered and passing; its address."""
    process = t.start([processes.demo_binary(), service, "--listen", "127.0.0.1:0"], name=f"{service}-{number}", env={
        "CONSUL_HTTP_ADDR": registry.url, "NODE": f"node-{number}", "GREETING": "Welcome <to> the demo & more",
        "NOMAD_ALLOC_ID": f"{number}" * 8 + "-aaaa-bbbb-cccc-dddddddddddd"})
    address = wait_for(lambda: re.search(rf"weir-demo {service} on http://(\S+)", process.log()), 10,
                       f"{service} listens").group(1)
    host, port = split_address(address)
    register(registry.url, f"{service}-{number}", service, port, [host_tag(service, f"{service}.localhost")],
             address=host)
    return address


@takes(120)
def test_page(t):
    """the page through the edge shows who answered, and its button asks again and shows which instance did"""
    registry = t.registry()
    backends = {start_service(t, registry, "backend", number) for number in (1, 2)}
    frontends = {start_service(t, registry, "frontend", number) for number in (3, 4)}
    edge = t.edge(consul=registry.url)
    wait_status(edge.entry_point(), "frontend.localhost", 200)
    port = split_address(edge.entry_point())[1]
    seen = browse(t, f"http://frontend.localhost:{port}/",
                  [f"{registry.url}/v1/agent/service/deregister/frontend-{number}" for number in (3, 4)])
    assert seen["status"] == 200 and seen["heading"] == "Welcome <to> the demo & more", seen
    # The one complaint is of the last request, which the edge itself answered.
    assert len(seen["complaints"]) == 1 and "503" in seen["complaints"][0], seen["complaints"]
    assert re.match(r"503 in [\d.]+ ms, not from a frontend: \S", seen["left"]), seen["left"]
    assert not seen["overflowOnPhone"], "the page is wider than a telephone"
    assert len(seen["pressed"]) == PRESSES
    answered = set()
    for press in seen["pressed"]:
        frontend, backend = press["hops"]
        assert (frontend["title"], backend["title"]) == ("frontend", "backend"), press
        assert frontend["address"] in frontends and backend["address"] in backends, press
        assert re.match(r"200 in [\d.]+ ms", press["line"]), press
        assert frontend["address"] in press["line"] and backend["address"] in press["line"], press
        answered.add(frontend["address"])
    assert answered == frontends, f"the edge gives requests to both, not only to {answered}"


@takes(120)
def test_page_without_backend(t):
    """without a backend the page says so, and the button shows the failure"""
    registry = t.registry()
    start_service(t, registry, "frontend", 1)
    edge = t.edge(consul=registry.url)
    wait_status(edge.entry_point(), "frontend.localhost", 200)
    seen = browse(t, f"http://frontend.localhost:{split_address(edge.entry_point())[1]}/")
    assert seen["hops"][1]["error"] == "no backend is passing", seen
    assert all(re.match(r"502 in [\d.]+ ms.*no backend is passing", press["line"]) for press in seen["pressed"]), seen
