#!/usr/bin/env python3
"""scripts/tidy.py [--headers]: the rules of the tree that no compiler checks; one line a breach, exit code 1 if any.

Without an option: sizes, include arrows, heavy headers, names, leftovers, white space. With --headers: every public
header compiles by itself. What is only worth a look ("note:") does not fail.
"""

import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_LINES_MAX, FILE_LINES_NOTED = 600, 400
FUNCTION_LINES_MAX, FUNCTION_LINES_NOTED = 100, 70
COLUMNS_MAX = 120

# src/README.md, "The map": a layer may include itself and these.
ARROWS = {
    "base": "",
    "event": "base",
    "tls": "event base",
    "http": "tls event base",
    "catalog": "base",
    "config": "base",
    "routing": "catalog config base",
    "provider": "http tls event routing catalog config base",
    "proxy": "http tls event routing config base",
    "registry": "http event catalog base",
    "scheduler": "http tls event catalog base",
    "demo": "http event base",
    "app": "base event tls http catalog config routing provider proxy registry scheduler",
}
# A header that is slow to compile, and the only files that may include it.
HEAVY_HEADERS = [
    (r"spdlog/", r"src/base/log\.cc"),
    (r"toml\+\+/", r"src/config/\w+\.cc"),
    (r"nlohmann/json\.hpp", r"src/.*/(\w+_json\.cc|json_\w+\.(cc|h))|tests/.*"),
    (r"CLI/", r"src/app/\w+\.(cc|h)"),
    (r"openssl/", r"(src/tls/\w+|tests/unit/tls/\w+|tests/bench/programs/tls_\w+)\.(cc|h)"),
]
SQLITE_FILES_PER_LAYER_MAX = 1

BANNED_NAME = re.compile(r"\b(?:class|struct)\s+(\w*(?:Manager|Helper|Utils?|Handler|Data|Info))\b(?!\s*;)")
BANNED_FILE = re.compile(r"(^|[_/])(manager|helper|utils?|handler)s?(_|\.)")
BANNED_CALL = re.compile(r"\b(do_[a-z]\w*)\s*\(")
# Written in two parts so that this file does not find itself.
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(wo" r"rk|fa" r"rm|ro" r"ot|ho" r"me/\w+)/")
REGISTRY_HOST = re.compile(r"deb\.deb" r"ian\.org|registry\.npm" r"js|pypi\.o" r"rg|pythonhos" r"ted|proxy\.gol" r"ang")
CPP_SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|\bsleep\s*\(")
PYTHON_SLEEP = re.compile(r"\btime\.sleep\(")


def tracked_files():
    command = ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True)
    if listing.returncode != 0:
        sys.exit("error: scripts/tidy.py works in a git checkout: " + listing.stderr.strip())
    return sorted(p for p in set(listing.stdout.splitlines()) if os.path.isfile(os.path.join(ROOT, p)))


def read(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        data = file.read()
    return None if b"\0" in data else data.decode("utf-8", "replace")


def blank_out(match):
    """Keeps line breaks, so that positions still name lines."""
    return re.sub(r"[^\n]", " ", match.group(0))


NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)
# Lines of the preprocessor may hold half a brace pair.
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def code_only(text):
    return DIRECTIVE.sub(blank_out, NOT_CODE.sub(blank_out, text))


def opens_container(head):
    """Whether the brace after `head` opens a namespace or a class body (whose members are looked at in turn)."""
    prefix = r"^\s*(?:(?:public|private|protected)\s*:\s*)*(?:template\s*<.*?>\s*(?:requires\b.*?\s)?)?"
    head = re.sub(prefix, "", head, flags=re.S)
    return re.match(r"\s*(inline\s+)?(namespace|class|struct|union|extern)\b", head) and not head.rstrip().endswith(")")


def is_member_initializer(head):
    """`: name_{value}` between a constructor's parameters and its body."""
    word = re.search(r"([\w>]+)\s*$", head)
    return bool(re.search(r"\)[\w\s]*(?<!:):(?!:)", head)) and bool(word) and \
        word.group(1) not in ("const", "noexcept", "override", "final", "mutable", "try")


def functions(code):
    """Yields (first line, lines, head) of every function body at namespace or class level."""
    stack, head_start, i = [], 0, 0
    while i < len(code):
        c = code[i]
        if c == "{":
            head = code[head_start:i]
            if opens_container(head):
                stack.append(("container", 0, ""))
                head_start = i + 1
            elif is_member_initializer(head) or ("(" not in head and "[" not in head):
                stack.append(("initializer", 0, ""))
            else:
                stack.append(("function", i, head))
        elif c == "}" and stack:
            kind, start, head = stack.pop()
            if not any(k != "container" for k, _, _ in stack):
                if kind == "function" and not head.strip().endswith("="):
                    first = code.count("\n", 0, start) + 1
                    yield first, code.count("\n", start, i) + 1, " ".join(head.split())
                if kind != "initializer":
                    head_start = i + 1
        elif c == ";" and (not stack or stack[-1][0] == "container"):
            head_start = i + 1
        i += 1


class Report:
    def __init__(self):
        self.failures = 0

    def fail(self, path, line, message):
        self.failures += 1
        print(f"{path}:{line}: {message}")

    def note(self, path, line, message):
        print(f"note: {path}:{line}: {message}")


def layer_of(path):
    match = re.match(r"(?:src|include/weir)/(\w+)/", path)
    return match.group(1) if match else None


def check_includes(report, path, text, sqlite_files):
    layer = layer_of(path)
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^">]+)[">]', line)
        if not match:
            continue
        target = match.group(1)
        for header, allowed in HEAVY_HEADERS:
            if re.match(header, target) and not re.fullmatch(allowed, path):
                report.fail(path, number, f"{target} may only be included in {allowed}")
        if target == "sqlite3.h" and layer:
            sqlite_files.setdefault(layer, []).append((path, number))
        if layer is None:
            continue
        public = re.match(r"weir/(\w+)/", target)
        other = public or re.match(r"(\w+)/", target)
        if not other or other.group(1) not in ARROWS or other.group(1) == layer:
            if not public and path.startswith("include/") and other and other.group(1) == layer:
                report.fail(path, number, f"a public header includes the private {target}")
            continue
        if other.group(1) not in ARROWS.get(layer, "").split():
            report.fail(path, number, f"layer {layer} may not include layer {other.group(1)} ({target})")
        elif not public:
            report.fail(path, number, f"{target} is private to its layer")


def check_sizes(report, path, text):
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        report.fail(path, lines, f"{lines} lines; at most {FILE_LINES_MAX}")
    elif lines > FILE_LINES_NOTED:
        report.note(path, lines, f"{lines} lines; {FILE_LINES_NOTED} is the aim")
    if not path.endswith((".cc", ".h")):
        return
    for first, length, head in functions(code_only(text)):
        name = head[-70:]
        if length > FUNCTION_LINES_MAX:
            report.fail(path, first, f"function of {length} lines; at most {FUNCTION_LINES_MAX}: {name}")
        elif length > FUNCTION_LINES_NOTED:
            report.note(path, first, f"function of {length} lines; {FUNCTION_LINES_NOTED} is the aim: {name}")


def check_names(report, path, text):
    if BANNED_FILE.search(os.path.basename(path)):
        report.fail(path, 1, "a file name that says nothing (manager, helper, util, handler)")
    if not path.endswith((".cc", ".h")):
        return
    for number, line in enumerate(code_only(text).splitlines(), 1):
        for match in BANNED_NAME.finditer(line):
            report.fail(path, number, f"a class name that says nothing: {match.group(1)}")
        for match in BANNED_CALL.finditer(line):
            report.fail(path, number, f"a function name that says nothing: {match.group(1)}")


def check_leftovers(report, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if LEFTOVER.search(line):
            report.fail(path, number, "a leftover word; file an issue instead")
        if MACHINE_PATH.search(line):
            report.fail(path, number, "a path of one machine")
        if REGISTRY_HOST.search(line):
            report.fail(path, number, "the host of a package registry")
        if path.startswith("tests/") and path.endswith((".cc", ".h")) and CPP_SLEEP.search(line):
            report.fail(path, number, "a test sleeps; wait for a condition with a deadline")
        if re.match(r"tests/.*test_\w+\.py$", path) and PYTHON_SLEEP.search(line):
            report.fail(path, number, "a test sleeps; wait for a condition with a deadline")


def check_white_space(report, path, text):
    if text and not text.endswith("\n"):
        report.fail(path, text.count("\n") + 1, "no line break at the end of the file")
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            report.fail(path, number, "a tab")
        if line != line.rstrip():
            report.fail(path, number, "white space at the end of the line")
        # Lines of C++ are clang-format's.
        if len(line) > COLUMNS_MAX and path.endswith(".py"):
            report.fail(path, number, f"{len(line)} columns; at most {COLUMNS_MAX}")


# Bytes that some other program wrote: kept as they came.
DATA = re.compile(r"tests/(conformance|fuzz)/.*\.(raw|bin|txt|json)$|.*\.(png|ico|svg)$")


def check_tree():
    report, sqlite_files = Report(), {}
    paths = tracked_files()
    for path in paths:
        text = read(path)
        if text is None or DATA.match(path):
            continue
        if path.endswith((".cc", ".h")):
            check_includes(report, path, text, sqlite_files)
        if path.endswith((".cc", ".h", ".py")) or path.startswith("scripts/"):
            check_sizes(report, path, text)
        check_names(report, path, text)
        check_leftovers(report, path, text)
        check_white_space(report, path, text)
    for layer, places in sqlite_files.items():
        for path, line in places[SQLITE_FILES_PER_LAYER_MAX:]:
            report.fail(path, line, f"layer {layer} already includes sqlite3.h in {places[0][0]}")
    print(f"{len(paths)} files, {report.failures} breaches")
    return report.failures


def closure_hash(header, seen=None):
    """Of a header and all of ours that it includes."""
    seen = set() if seen is None else seen
    if header in seen:
        return b""
    seen.add(header)
    text = read(header) or ""
    digest = hashlib.sha256(text.encode())
    for name in sorted(set(re.findall(r'#include "(weir/[^"]+)"', text))):
        if os.path.isfile(os.path.join(ROOT, "include", name)):
            digest.update(closure_hash("include/" + name, seen))
    return digest.digest()


def compile_alone(header):
    command = ["g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wshadow", "-Iinclude",
               "-isystem", "subprojects/llhttp/package/usr/include", "-x", "c++", "-"]
    # Twice: the second proves the include guard.
    source = f'#include "{header[len("include/"):]}"\n' * 2
    return subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True)


def check_headers():
    """Every public header compiles by itself; a header that did is not compiled again until it changes."""
    cache_path = os.path.join(ROOT, "build", "headers-checked")
    os.makedirs(os.path.dirname(cache_path), exist_ok=True)
    known = set()
    if os.path.exists(cache_path):
        with open(cache_path) as file:
            known = set(file.read().split())
    hashes = {p: closure_hash(p).hex() for p in tracked_files() if re.match(r"include/weir/.*\.h$", p)}
    stale = [p for p, digest in hashes.items() if digest not in known]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for header, result in zip(stale, pool.map(compile_alone, stale)):
            if result.returncode != 0:
                failures += 1
                hashes.pop(header)
                print(f"{header}:1: does not compile by itself\n{result.stderr}")
    with open(cache_path, "w") as file:
        file.write("\n".join(sorted(hashes.values())) + "\n")
    print(f"{len(stale)} headers compiled, {failures} fail")
    return failures


if __name__ == "__main__":
    sys.exit(1 if (check_headers() if "--headers" in sys.argv[1:] else check_tree()) else 0)
