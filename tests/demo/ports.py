"""Addresses for a demo: whether they are free, who has them otherwise."""

import os
import socket


def is_free(host, port):
    with socket.socket() as sock:
        # Without this a port whose last connections are still in TIME_WAIT looks taken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1)
        except OSError:
            return False
    return True


def free_port(hosts, taken):
    """A port that is free on all of `hosts` and not in `taken`; it is added there."""
    while True:
        with socket.socket() as sock:
            sock.bind((hosts[0], 0))
            port = sock.getsockname()[1]
        if port not in taken and all(is_free(host, port) for host in hosts):
            taken.add(port)
            return port


def socket_inode(host, port):
    """The inode of the socket that listens at host:port, or at that port of every address."""
    packed = socket.inet_aton(host)[::-1].hex().upper()
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[1] in (f"{packed}:{port:04X}", f"00000000:{port:04X}"):
                return fields[9]
    return None


def owner(host, port):
    """Who listens there, for a message: "nginx (pid 12)"; "another program" where that cannot be known."""
    inode = socket_inode(host, port)
    for pid in filter(str.isdigit, os.listdir("/proc") if inode else []):
        try:
            files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            if f"socket:[{inode}]" in files:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    return f"{file.read().strip()} (pid {pid})"
        except OSError:
            continue
    return "another program"
