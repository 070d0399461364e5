"""weir completion: what bash, zsh and fish offer, asked in the shells themselves."""

import re
import subprocess

from harness.processes import run_weir

# Stand-ins for what only an interactive shell has; each prints what it is told to offer.
BASH = """
compopt() {{ [ "$*" = "-o default" ] && echo FILES; }}
. {script}
COMP_WORDS=({words}) COMP_CWORD={last}
_weir
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
compdef() {{ [[ "$*" == "_weir weir" ]] || exit 3 }}
compadd() {{ print -l -- "${{@:2}}" }}
_files() {{ print FILES }}
. {script}
words=({words}) CURRENT={last}+1
_weir
"""
FISH = "source {script}; complete -C {words}"

# What is typed, and all that is offered; FILES are the shell's own names of files.
CASES = (
    (["weir", ""], "dev edge registry scheduler agent job alloc node service route config version completion"),
    (["weir", "job", ""], "plan run stop status"),
    (["weir", "job", "run", ""], "FILES"),
    (["weir", "job", "run", "--"], "--help --address --token --var --var-file --verbose --check-index --detach"),
    (["weir", "job", "run", "--verbose", "job", ""], "FILES"),
    (["weir", "alloc", "logs", "-"], "-h --help --address --token -f --stderr --tail -n"),
    (["weir", "completion", ""], "bash zsh fish"),
    (["weir", "edge", "--log-format", ""], "text json"),
    (["weir", "edge", "--log-level", ""], "FILES"),
    (["weir", "route", "explain", "-X", "POST", "--r"], "--request --routes"),
)


def script_of(t, shell):
    ended, out, error = run_weir("completion", shell)
    assert ended == 0, error
    return t.write(f"completion.{shell}", out)


def run(t, *command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=t.path("empty", ""),
                            env={"HOME": t.path("home", ""), "PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    assert result.returncode == 0 and not result.stderr, (command, result)
    return result.stdout


def offers(t, shell, program):
    """What that shell offers, by the stand-ins."""
    script = script_of(t, shell)
    for typed, expected in CASES:
        words = " ".join(f"'{word}'" for word in typed)
        out = run(t, *program, t.write("ask", {"bash": BASH, "zsh": ZSH}[shell].format(
            script=script, words=words, last=len(typed) - 1)))
        offered = {word for word in out.split() if word.startswith(typed[-1]) or word == "FILES"}
        assert offered - {"-h"} == set(expected.split()) - {"-h"}, (shell, typed, out)


def test_bash(t):
    """bash offers subcommands, choices and options, and files where a file is meant"""
    offers(t, "bash", ["bash", "--norc"])


def test_zsh(t):
    """zsh offers the same"""
    offers(t, "zsh", ["zsh", "-f"])


def test_fish(t):
    """fish offers the same, with what each option is"""
    script = script_of(t, "fish")
    t.write("empty/a-file", "")
    for typed, expected in CASES:
        out = run(t, "fish", "--no-config", "-c", FISH.format(script=script, words=f"'{' '.join(typed)}'"))
        offered = {re.split(r"\t", line)[0] for line in out.splitlines()}
        offered = {"FILES" if word == "a-file" else word for word in offered}
        wanted = set(expected.split())
        assert {word for word in offered if word.startswith("-") or word in wanted or word == "FILES"} == wanted, (
            typed, out)
    assert "--detach\tdo not follow" in run(t, "fish", "--no-config", "-c",
                                           FISH.format(script=script, words="'weir job run --d'"))
