"""A service for the scheduler's tests: answers at NOMAD_ADDR_http; writes down when it was told to stop.

/env its environment as JSON, /crash ends with code 3, everything else 200. After SIGTERM it serves on for LINGER_S.
"""

import http.server
import json
import os
import signal
import sys
import threading
import time


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/crash":
            os._exit(3)
        body = json.dumps({**os.environ, "PID": os.getpid()} if self.path == "/env" else {"pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Name", os.environ.get("NOMAD_ALLOC_ID", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    host, port = os.environ["NOMAD_ADDR_http"].rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Answer)

    def on_term(*_):
        with open(os.path.join(os.environ["NOMAD_ALLOC_DIR"], "signalled"), "w", encoding="ascii") as file:
            file.write(str(time.time()))
        print("told to stop", flush=True)
        threading.Timer(float(os.environ.get("LINGER_S", "0")), lambda: os._exit(0)).start()
    signal.signal(signal.SIGTERM, on_term)
    print("started", os.environ.get("GREETING", ""), flush=True)
    print("a line on standard error", file=sys.stderr, flush=True)
    server.serve_forever()


main()
