"""The client programs that come with well-known images: redis-cli, psql, mysql, nginx -v and so on.

They are for looking whether a server lives. redis-cli keeps what is set, in a file of the container; of databases only
the words of an answer are played. A program is there in the images that have it, and in images that nobody knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from kubesim.kubelet.runtime.shell.session import Shell
from kubesim.kubelet.runtime.shell.tools import Result, Tool, now, plain

DUMP = "/data/dump.json"


def redis_cli(shell: Shell, words: Sequence[str]) -> Result:
    """PING, SET, GET, DEL, INCR, EXISTS, KEYS, DBSIZE, FLUSHALL, INFO."""
    words = _without_options(words, "hpnatu")
    if not words:
        return Result("", "redis-cli: type a command after it\n", 1)
    data: dict[str, str] = json.loads(shell.files.read(DUMP) or b"{}")
    verb, args = words[0].upper(), words[1:]
    if verb == "PING":
        return Result(f"{args[0] if args else 'PONG'}\n")
    if verb == "INFO":
        return Result("# Server\nredis_version:8.4.0\nredis_mode:standalone\n# Clients\nconnected_clients:1\n")
    said = _redis(verb, args, data)
    if said is None:
        return Result(f"ERR unknown command '{words[0]}', with args beginning with: \n")
    shell.files.make_directory("/data")
    shell.files.write(DUMP, json.dumps(data).encode())
    return Result(f"{said}\n")


def _redis(verb: str, args: Sequence[str], data: dict[str, str]) -> str | None:
    """One command on the data; None if it is not known."""
    if verb == "SET" and len(args) >= 2:
        data[args[0]] = args[1]
        return "OK"
    if verb == "GET" and args:
        return data.get(args[0], "")
    if verb in ("DEL", "EXISTS") and args:
        known = [name for name in args if name in data]
        if verb == "DEL":
            for name in known:
                del data[name]
        return str(len(known))
    if verb in ("INCR", "DECR") and args:
        value = data.get(args[0], "0")
        if not re.fullmatch(r"-?\d+", value):
            return "ERR value is not an integer or out of range"
        data[args[0]] = str(int(value) + (1 if verb == "INCR" else -1))
        return data[args[0]]
    if verb == "KEYS":
        return "\n".join(data)
    if verb == "DBSIZE":
        return str(len(data))
    if verb in ("FLUSHALL", "FLUSHDB"):
        data.clear()
        return "OK"
    return None


def psql(_shell: Shell, words: Sequence[str]) -> Result:
    """`psql -c 'SELECT 1'`."""
    if "--version" in words or "-V" in words:
        return Result("psql (PostgreSQL) 18.1\n")
    statement = _value(words, "-c")
    verb = statement.strip().split(" ")[0].upper()
    if verb == "SELECT":
        match = re.search(r"select\s+(\S+?);?\s*$", statement.strip(), re.IGNORECASE)
        value = "PostgreSQL 18.1" if "version" in statement else match[1] if match else ""
        return Result(f" ?column? \n----------\n {value:>8}\n(1 row)\n\n")
    tags = {"INSERT": "INSERT 0 1", "UPDATE": "UPDATE 1", "DELETE": "DELETE 1"}
    return Result(f"{tags.get(verb, ' '.join(statement.upper().split()[:2]))}\n" if verb else "psql (18.1)\n")


def mysql(_shell: Shell, words: Sequence[str]) -> Result:
    """`mysql -e 'SELECT 1'`."""
    if "--version" in words or "-V" in words:
        return Result("mysql  Ver 9.5.0 for Linux on x86_64 (MySQL Community Server - GPL)\n")
    statement = _value(words, "-e")
    if "show databases" in statement.lower():
        return Result("Database\ninformation_schema\nmysql\nperformance_schema\nsys\n")
    match = re.search(r"select\s+(\S+?);?\s*$", statement.strip(), re.IGNORECASE)
    return Result(f"{match[1]}\n{match[1]}\n" if match else "")


def version_of(words: Sequence[str], text: str, otherwise: str = "") -> Result:
    """A program of which only the version is asked."""
    return Result(f"{text}\n" if any(word.lstrip("-").lower() in ("v", "version") for word in words) else otherwise)


def nginx(shell: Shell, words: Sequence[str]) -> Result:
    """-v, -t and -s reload."""
    if "-t" in words:
        where = "nginx: configuration file /etc/nginx/nginx.conf"
        syntax = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok"
        return Result("", f"{syntax}\n{where} test is successful\n")
    if "-s" in words:
        return Result("", f"{now(shell):%Y/%m/%d %H:%M:%S} [notice] 30#30: signal process started\n")
    return Result("", "nginx version: nginx/1.29.3\n")


def python(_shell: Shell, words: Sequence[str]) -> Result:
    """--version, and -c with a print of one text or number."""
    script = _value(words, "-c")
    if match := re.fullmatch(r"\s*print\((?:'([^']*)'|\"([^\"]*)\"|([-\d.]+))\)\s*", script):
        return Result(f"{match[1] or match[2] or match[3] or ''}\n")
    if script:
        return Result("", "python: only print of one text is played here\n", 1)
    return version_of(words, "Python 3.14.0")


def node(_shell: Shell, words: Sequence[str]) -> Result:
    """--version, and -e with a console.log of one text or number."""
    script = _value(words, "-e")
    if match := re.fullmatch(r"\s*console\.log\((?:'([^']*)'|\"([^\"]*)\"|([-\d.]+))\);?\s*", script):
        return Result(f"{match[1] or match[2] or match[3] or ''}\n")
    return version_of(words, "v24.11.0")


def said(text: str, version: str = "") -> Tool:
    """A program that always says the same."""
    return plain(lambda _shell, words: version_of(words, version, f"{text}\n") if version else Result(f"{text}\n"))


def _value(words: Sequence[str], option: str) -> str:
    """What stands behind an option, apart or joined."""
    for place, word in enumerate(words):
        if word == option:
            return words[place + 1] if place + 1 < len(words) else ""
        if word.startswith(option) and not word.startswith("--"):
            return word[len(option) :]
    return ""


def _without_options(words: Sequence[str], letters: str) -> list[str]:
    """The words behind options with values."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word[1:] in letters and rest:
            rest.pop(0)
    return rest


HEALTHY = "127.0.0.1:2379 is healthy: successfully committed proposal: took = 2.1ms"
APPS: dict[str, Tool] = {
    "etcdctl": said(HEALTHY, "etcdctl version: 3.6.6"),
    "go": said("", "go version go1.25.4 linux/amd64"),
    "httpd": said("", "Server version: Apache/2.4.65 (Unix)"),
    "java": said("", 'openjdk version "25.0.1" 2025-10-21'),
    "mariadb": plain(mysql),
    "mariadb-admin": said("mysqld is alive"),
    "mongosh": said("{ ok: 1 }", "2.5.9"),
    "mysql": plain(mysql),
    "mysqladmin": said("mysqld is alive"),
    "nginx": plain(nginx),
    "node": plain(node),
    "npm": said("", "11.6.1"),
    "perl": said("", "This is perl 5, version 42, subversion 0 (v5.42.0) built for x86_64-linux-gnu"),
    "pg_isready": said("/var/run/postgresql:5432 - accepting connections"),
    "php": said("", "PHP 8.4.14 (cli) (NTS)"),
    "pip": said("", "pip 25.3 from /usr/local/lib/python3.14/site-packages/pip (python 3.14)"),
    "psql": plain(psql),
    "python": plain(python),
    "python3": plain(python),
    "rabbitmq-diagnostics": said("Ping succeeded"),
    "rabbitmqctl": said("Ping succeeded"),
    "redis-cli": plain(redis_cli),
    "redis-server": said("", "Redis server v=8.4.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"),
    "ruby": said("", "ruby 3.4.7 (2025-10-08 revision 7a5688e2a2) +PRISM [x86_64-linux]"),
    "valkey-cli": plain(redis_cli),
}
