"""Well-known images: what they are made of and what they do with no annotation at all.

Sizes are those that a kubelet on containerd reports for amd64 (compressed layers), rounded: they only have to make a
big image slow and a small one quick. Times, memory and exit codes are those of a program that has little to do.
What they print is in `known_logs.py`, what they answer in `pages.py`.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from kubesim.kubelet.runtime.model import Behaviour, KnownImage, LogLine
from kubesim.kubelet.runtime.names import short_name, split_image

MB = 1_000_000
MIB = 1 << 20
ALPINE_BYTES = 3_600_000
ALPINE_SHARE = 0.35  # Of the size of the same program on Debian.

EXITS_AT_ONCE = Behaviour(run_seconds=0.0, memory_bytes=MIB)
POSTGRES_NEEDS = ("POSTGRES_PASSWORD", "POSTGRES_HOST_AUTH_METHOD", "POSTGRES_PASSWORD_FILE")
POSTGRES_COMPLAINT = (
    "Error: Database is uninitialized and superuser password is not specified.",
    "       You must specify POSTGRES_PASSWORD to a non-empty value for the",
    '       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".',
    "",
    '       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all',
    "       connections without a password. This is *not* recommended.",
    "",
    '       See PostgreSQL documentation about "trust":',
    "       https://www.postgresql.org/docs/current/auth-trust.html",
)
PASSWORD_OPTIONS = ("ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD", "RANDOM_ROOT_PASSWORD")
ENTRYPOINT_ERROR = "%Y-%m-%d %H:%M:%S+00:00 [ERROR] [Entrypoint]: "


def _complaint(*texts: str) -> tuple[LogLine, ...]:
    return tuple(LogLine(text, 0.2, stream=2) for text in texts)


def _mysql_complaint(prefix: str) -> tuple[LogLine, ...]:
    first = "Database is uninitialized and password option is not specified"
    names = [f"    - {prefix}_{option}" for option in PASSWORD_OPTIONS]
    return (
        LogLine(f"{ENTRYPOINT_ERROR}{first}", 0.2, stream=2, dated=True),
        *_complaint("    You need to specify one of the following as an environment variable:", *names),
    )


def _mysql_needs(*prefixes: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{option}" for prefix in prefixes for option in (*PASSWORD_OPTIONS, "ROOT_PASSWORD_FILE"))


WELL_KNOWN: dict[str, KnownImage] = {
    # Tools and bases: a container of them without a command has nothing to do.
    "alpine": KnownImage(4 * MB, EXITS_AT_ONCE, "alpine"),
    "bash": KnownImage(7 * MB, EXITS_AT_ONCE, "alpine", programs=("bash",)),
    "busybox": KnownImage(2 * MB, EXITS_AT_ONCE),
    "curl": KnownImage(10 * MB, EXITS_AT_ONCE, "alpine", programs=("curl",)),
    "debian": KnownImage(49 * MB, EXITS_AT_ONCE, "debian"),
    "hello-world": KnownImage(10_000, EXITS_AT_ONCE, shell=False, programs=("hello",)),
    "netshoot": KnownImage(190 * MB, EXITS_AT_ONCE, "alpine", programs=("bash", "curl", "dig", "nmap", "tcpdump")),
    "ubuntu": KnownImage(30 * MB, EXITS_AT_ONCE, "debian"),
    # Languages: their default is a prompt that finds no input.
    "golang": KnownImage(310 * MB, EXITS_AT_ONCE, "debian", programs=("go", "gofmt", "git", "gcc", "make", "curl")),
    "eclipse-temurin": KnownImage(140 * MB, EXITS_AT_ONCE, "debian", programs=("java", "jshell", "javac")),
    "node": KnownImage(400 * MB, EXITS_AT_ONCE, "debian", programs=("node", "npm", "npx", "yarn", "curl", "git")),
    "openjdk": KnownImage(240 * MB, EXITS_AT_ONCE, "debian", programs=("java", "jshell", "javac")),
    "perl": KnownImage(340 * MB, EXITS_AT_ONCE, "debian", programs=("perl", "curl")),
    "php": KnownImage(190 * MB, EXITS_AT_ONCE, "debian", programs=("php", "curl", "apache2-foreground")),
    "python": KnownImage(
        370 * MB, EXITS_AT_ONCE, "debian", programs=("python", "python3", "pip", "pip3", "curl", "git", "gcc")
    ),
    "ruby": KnownImage(360 * MB, EXITS_AT_ONCE, "debian", programs=("ruby", "irb", "gem", "bundle", "curl")),
    # Web servers and proxies.
    "agnhost": KnownImage(
        53 * MB, Behaviour(memory_bytes=14 * MIB), "alpine", ports=(8080,), programs=("agnhost",)
    ),
    "caddy": KnownImage(
        20 * MB, Behaviour(memory_bytes=14 * MIB, cpu_milli=1), "alpine", ports=(80, 443), programs=("caddy",)
    ),
    "echoserver": KnownImage(42 * MB, Behaviour(memory_bytes=6 * MIB), "debian", ports=(8080,)),
    "haproxy": KnownImage(
        40 * MB, Behaviour(memory_bytes=70 * MIB, cpu_milli=2), "debian", ports=(80,), programs=("haproxy",)
    ),
    "http-echo": KnownImage(4 * MB, Behaviour(memory_bytes=5 * MIB), ports=(5678,), shell=False),
    "httpbin": KnownImage(190 * MB, Behaviour(memory_bytes=60 * MIB), "debian", ports=(80,)),
    "httpd": KnownImage(
        59 * MB, Behaviour(start_seconds=0.3, memory_bytes=12 * MIB), "debian", ports=(80,),
        programs=("httpd", "httpd-foreground", "apachectl", "ab"),
    ),
    "nginx": KnownImage(
        72 * MB, Behaviour(memory_bytes=10 * MIB), "debian", ports=(80,), programs=("nginx", "curl")
    ),
    "nginx-unprivileged": KnownImage(
        72 * MB, Behaviour(memory_bytes=10 * MIB), "debian", ports=(8080,), programs=("nginx", "curl"),
        user="101",
    ),
    "podinfo": KnownImage(35 * MB, Behaviour(memory_bytes=16 * MIB), "alpine", ports=(9898,), user="app"),
    "traefik": KnownImage(
        50 * MB, Behaviour(memory_bytes=40 * MIB, cpu_milli=3), "alpine", ports=(80, 8080),
        programs=("traefik",),
    ),
    "whoami": KnownImage(3 * MB, Behaviour(memory_bytes=4 * MIB), ports=(80,), shell=False),
    # Databases and queues.
    "cassandra": KnownImage(
        150 * MB,
        Behaviour(start_seconds=1.0, ready_after_seconds=45.0, stop_seconds=3.0, stop_exit_code=143, cpu_milli=80,
                  memory_bytes=2200 * MIB),
        "debian", ports=(9042, 7000), programs=("cqlsh", "nodetool", "cassandra"), needs_memory=True,
    ),
    "elasticsearch": KnownImage(
        620 * MB,
        Behaviour(start_seconds=1.0, ready_after_seconds=25.0, stop_seconds=2.0, stop_exit_code=143, cpu_milli=60,
                  memory_bytes=1300 * MIB),
        "debian", ports=(9200, 9300), programs=("elasticsearch", "curl"), user="1000", needs_memory=True,
    ),
    "etcd": KnownImage(
        25 * MB, Behaviour(memory_bytes=30 * MIB, cpu_milli=15), ports=(2379, 2380), shell=False,
        programs=("etcd", "etcdctl"),
    ),
    "influxdb": KnownImage(
        130 * MB, Behaviour(ready_after_seconds=2.0, memory_bytes=90 * MIB), "debian", ports=(8086,),
        programs=("influx", "influxd"),
    ),
    "kafka": KnownImage(
        390 * MB,
        Behaviour(start_seconds=0.5, ready_after_seconds=10.0, stop_seconds=3.0, stop_exit_code=143, cpu_milli=30,
                  memory_bytes=420 * MIB),
        "alpine", ports=(9092,), user="appuser", needs_memory=True,
    ),
    "mariadb": KnownImage(
        120 * MB,
        Behaviour(start_seconds=0.5, ready_after_seconds=6.0, stop_seconds=1.5, cpu_milli=4, memory_bytes=95 * MIB),
        "debian", ports=(3306,), programs=("mariadb", "mariadbd", "mariadb-admin", "mysql", "mysqladmin"),
        needs=_mysql_needs("MARIADB", "MYSQL"), complaint=_mysql_complaint("MARIADB"), needs_memory=True,
    ),
    "memcached": KnownImage(
        31 * MB, Behaviour(memory_bytes=3 * MIB, cpu_milli=1), "debian", ports=(11211,),
        programs=("memcached",), user="memcache",
    ),
    "mongo": KnownImage(
        310 * MB,
        Behaviour(start_seconds=0.5, ready_after_seconds=3.0, stop_seconds=1.0, cpu_milli=8, memory_bytes=160 * MIB),
        "debian", ports=(27017,), programs=("mongod", "mongosh", "mongodump"), needs_memory=True,
    ),
    "mysql": KnownImage(
        240 * MB,
        Behaviour(start_seconds=0.5, ready_after_seconds=8.0, stop_seconds=2.0, cpu_milli=9, memory_bytes=420 * MIB),
        ports=(3306, 33060), programs=("mysql", "mysqld", "mysqladmin", "mysqldump", "bash"),
        needs=_mysql_needs("MYSQL"), complaint=_mysql_complaint("MYSQL"), needs_memory=True,
    ),
    "nats": KnownImage(7 * MB, Behaviour(memory_bytes=8 * MIB, cpu_milli=1), ports=(4222, 8222), shell=False),
    "postgres": KnownImage(
        160 * MB,
        Behaviour(start_seconds=0.5, ready_after_seconds=4.0, stop_seconds=0.5, cpu_milli=3, memory_bytes=40 * MIB),
        "debian", ports=(5432,), programs=("postgres", "psql", "pg_dump", "pg_isready", "createdb"),
        needs=POSTGRES_NEEDS, complaint=_complaint(*POSTGRES_COMPLAINT),
    ),
    "rabbitmq": KnownImage(
        105 * MB,
        Behaviour(start_seconds=0.5, ready_after_seconds=9.0, stop_seconds=3.0, cpu_milli=12, memory_bytes=140 * MIB),
        "debian", ports=(5672, 15692), programs=("rabbitmqctl", "rabbitmq-server", "rabbitmq-diagnostics"),
        needs_memory=True,
    ),
    "redis": KnownImage(
        45 * MB, Behaviour(ready_after_seconds=0.2, memory_bytes=8 * MIB, cpu_milli=3), "debian",
        ports=(6379,), programs=("redis-server", "redis-cli", "redis-benchmark"),
    ),
    "valkey": KnownImage(
        45 * MB, Behaviour(ready_after_seconds=0.2, memory_bytes=8 * MIB, cpu_milli=3), "debian",
        ports=(6379,), programs=("valkey-server", "valkey-cli"),
    ),
    "zookeeper": KnownImage(
        120 * MB, Behaviour(ready_after_seconds=4.0, stop_exit_code=143, memory_bytes=90 * MIB), "debian",
        ports=(2181,), programs=("zkServer.sh", "zkCli.sh"),
    ),
    # Applications that lessons deploy.
    "ghost": KnownImage(190 * MB, Behaviour(ready_after_seconds=5.0, memory_bytes=150 * MIB), "debian", ports=(2368,)),
    "grafana": KnownImage(
        190 * MB, Behaviour(ready_after_seconds=3.0, memory_bytes=90 * MIB, cpu_milli=5), "alpine",
        ports=(3000,), user="472",
    ),
    "jenkins": KnownImage(
        320 * MB,
        Behaviour(ready_after_seconds=30.0, stop_exit_code=143, cpu_milli=20, memory_bytes=450 * MIB), "debian",
        ports=(8080, 50000), user="jenkins", needs_memory=True,
    ),
    "nextcloud": KnownImage(480 * MB, Behaviour(ready_after_seconds=6.0, memory_bytes=60 * MIB), "debian", ports=(80,)),
    "prometheus": KnownImage(
        110 * MB, Behaviour(ready_after_seconds=1.0, memory_bytes=60 * MIB, cpu_milli=5), ports=(9090,),
        user="nobody",
    ),
    "registry": KnownImage(18 * MB, Behaviour(memory_bytes=10 * MIB), "alpine", ports=(5000,), programs=("registry",)),
    "tomcat": KnownImage(
        190 * MB,
        Behaviour(ready_after_seconds=4.0, stop_exit_code=143, memory_bytes=120 * MIB), "debian", ports=(8080,),
        programs=("catalina.sh", "java"), needs_memory=True,
    ),
    "wordpress": KnownImage(250 * MB, Behaviour(ready_after_seconds=3.0, memory_bytes=60 * MIB), "debian", ports=(80,)),
    # What fills memory and keeps processors busy.
    "stress": KnownImage(3 * MB, Behaviour(run_seconds=0.0), "", programs=("stress",)),
    "stress-ng": KnownImage(4 * MB, Behaviour(run_seconds=0.0), "alpine", programs=("stress-ng",)),
    # What Kubernetes itself is made of.
    "coredns": KnownImage(
        20 * MB, Behaviour(stop_seconds=5.0, memory_bytes=20 * MIB, cpu_milli=3), ports=(53, 8080, 8181, 9153),
        shell=False, programs=("coredns", "/coredns"), user="nonroot:nonroot",
    ),
    "metrics-server": KnownImage(
        22 * MB, Behaviour(cpu_milli=4, memory_bytes=24 * MIB), ports=(4443, 10250), shell=False,
        programs=("metrics-server",),
    ),
    "pause": KnownImage(
        320_000, Behaviour(start_seconds=0.05, stop_seconds=0.05, memory_bytes=MIB, cpu_milli=0), shell=False,
        programs=("pause",), user="65535:65535",
    ),
}  # fmt: skip


@lru_cache(maxsize=4096)
def known_image(image: str) -> KnownImage | None:
    """What the library knows about an image, by the last part of its name; `-alpine` in a tag makes it smaller."""
    known = WELL_KNOWN.get(short_name(image))
    if known is not None and known.base == "debian" and "alpine" in split_image(image)[2]:
        size = max(ALPINE_BYTES + MB, round(known.size_bytes * ALPINE_SHARE))
        return msgspec.structs.replace(known, base="alpine", size_bytes=size)
    return known
