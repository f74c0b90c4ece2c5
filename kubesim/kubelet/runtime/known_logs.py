"""What well-known images print when they start, and the pages that they serve.

Only the lines by which people recognise a program, with the virtual date where the program writes one.
"""

from __future__ import annotations

from kubesim.kubelet.runtime.model import LogLine

NGINX_NOTICE = "%Y/%m/%d %H:%M:%S [notice] 1#1: "
MYSQL_ENTRYPOINT = "%Y-%m-%d %H:%M:%S+00:00 [Note] [Entrypoint]: "
MYSQL_SERVER = "%Y-%m-%dT%H:%M:%S.%f000Z 0 [System] [MY-010931] [Server] "
POSTGRES = "%Y-%m-%d %H:%M:%S.%f UTC [1] LOG:  "
REDIS = "1:M %d %b %Y %H:%M:%S.%f * "


def _at(seconds: float, *texts: str, prefix: str = "", stream: int = 1) -> tuple[LogLine, ...]:
    return tuple(LogLine(prefix + text, seconds, stream=stream, dated=bool(prefix)) for text in texts)


KNOWN_LOGS: dict[str, tuple[LogLine, ...]] = {
    "nginx": (
        *_at(
            0.0,
            "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
            "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/",
            "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
            "/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh",
            "/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh",
            "/docker-entrypoint.sh: Configuration complete; ready for start up",
        ),
        *_at(
            0.02, 'using the "epoll" event method', "nginx/1.29.3", "OS: Linux 6.8.0-kubesim", "start worker processes",
            "start worker process 29", prefix=NGINX_NOTICE, stream=2,
        ),
    ),
    "httpd": _at(
        0.0,
        "AH00489: Apache/2.4.65 (Unix) configured -- resuming normal operations",
        "AH00094: Command line: 'httpd -D FOREGROUND'",
        prefix="[%a %b %d %H:%M:%S.%f000 %Y] [mpm_event:notice] [pid 1:tid 1] ", stream=2,
    ),
    "redis": (
        *_at(0.0, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", prefix="1:C %d %b %Y %H:%M:%S.%f * "),
        *_at(0.01, "Running mode=standalone, port=6379.", "Server initialized", prefix=REDIS),
        *_at(0.02, "Ready to accept connections tcp", prefix=REDIS),
    ),
    "postgres": (
        *_at(0.0, "PostgreSQL Database directory appears to contain a database; Skipping initialization"),
        *_at(
            0.5, 'listening on IPv4 address "0.0.0.0", port 5432', 'listening on IPv6 address "::", port 5432',
            prefix=POSTGRES, stream=2,
        ),
        *_at(1.0, "database system is ready to accept connections", prefix=POSTGRES, stream=2),
    ),
    "mysql": (
        *_at(0.0, "Entrypoint script for MySQL Server started.", prefix=MYSQL_ENTRYPOINT),
        *_at(
            2.0, "/usr/sbin/mysqld: ready for connections. Version: '9.5.0'  socket: '/var/run/mysqld/mysqld.sock'  "
            "port: 3306  MySQL Community Server - GPL.", prefix=MYSQL_SERVER,
            stream=2,
        ),
    ),
    "mariadb": (
        *_at(0.0, "Entrypoint script for MariaDB Server 1:12.0.2+maria~ubu2404 started.", prefix=MYSQL_ENTRYPOINT),
        *_at(
            2.0, "mariadbd: ready for connections.", prefix="%Y-%m-%d %H:%M:%S 0 [Note] ", stream=2,
        ),
        *_at(2.0, "Version: '12.0.2-MariaDB-ubu2404'  socket: '/run/mysqld/mysqld.sock'  port: 3306", stream=2),
    ),
    "mongo": _at(
        1.0,
        '{"t":{"$date":"%Y-%m-%dT%H:%M:%S.%f+00:00"},"s":"I","c":"NETWORK","id":23016,"ctx":"listener",'
        '"msg":"Waiting for connections","attr":{"port":27017,"ssl":"off"}}', prefix=" ",
    ),
    "rabbitmq": (
        *_at(2.0, " Starting RabbitMQ 4.2.0 on Erlang 27.3.4", prefix="%Y-%m-%d %H:%M:%S.%f000+00:00 [info] <0.230.0>"),
        *_at(
            9.0, " Server startup complete; 4 plugins started.",
            prefix="%Y-%m-%d %H:%M:%S.%f000+00:00 [info] <0.650.0>",
        ),
    ),
    "elasticsearch": _at(
        20.0, '{"@timestamp":"%Y-%m-%dT%H:%M:%S.%fZ","log.level":"INFO","message":"started","service.name":"ES_ECS"}',
        prefix=" ",
    ),
    "kafka": _at(8.0, "INFO [KafkaRaftServer nodeId=1] Kafka Server started (kafka.server.KafkaRaftServer)",
                 prefix="[%Y-%m-%d %H:%M:%S,%f] "),
    "traefik": _at(
        0.0, 'INF Traefik version 3.6.1 built on 2025-11-13T15:54:31Z version=3.6.1', prefix="%Y-%m-%dT%H:%M:%SZ ",
    ),
    "caddy": _at(0.0, '{"level":"info","msg":"serving initial configuration"}', stream=2),
    "registry": _at(
        0.0, 'level=info msg="listening on [::]:5000" go.version=go1.23.7 version=3.0.0',
        prefix='time="%Y-%m-%dT%H:%M:%SZ" ', stream=2,
    ),
    "tomcat": _at(
        3.0, "INFO [main] org.apache.catalina.startup.Catalina.start Server startup in [2874] milliseconds",
        prefix="%d-%b-%Y %H:%M:%S.%f ", stream=2,
    ),
    "jenkins": _at(
        25.0, "[id=34]\tINFO\thudson.lifecycle.Lifecycle#onReady: Jenkins is fully up and running",
        prefix="%Y-%m-%d %H:%M:%S.%f+0000 ", stream=2,
    ),
    "grafana": _at(2.0, "HTTP Server Listen", prefix="logger=http.server t=%Y-%m-%dT%H:%M:%S.%fZ level=info msg="),
    "prometheus": _at(
        0.5, 'level=INFO source=main.go:1304 msg="Server is ready to receive web requests."',
        prefix="time=%Y-%m-%dT%H:%M:%S.%fZ ", stream=2,
    ),
    "etcd": _at(0.5, '{"level":"info","msg":"ready to serve client requests"}', stream=2),
    "nats": _at(0.0, "[INF] Server is ready", prefix="[1] %Y/%m/%d %H:%M:%S.%f000 ", stream=2),
    "zookeeper": _at(3.0, "[myid:1] - INFO  [main:o.a.z.s.ServerCnxnFactory@169] - Using NIOServerCnxnFactory",
                     prefix="%Y-%m-%d %H:%M:%S,%f "),
    "http-echo": _at(0.0, "[INFO] server is listening on :5678", prefix="%Y/%m/%d %H:%M:%S ", stream=2),
    "podinfo": _at(0.0, '{"level":"info","msg":"Starting podinfo","port":"9898"}', stream=2),
    "kubernetes-bootcamp": _at(0.0, "", prefix="Kubernetes Bootcamp App Started At: %Y-%m-%dT%H:%M:%S.%fZ"),
    "coredns": _at(0.0, ".:53", "CoreDNS-1.13.1", "linux/amd64"),
    "hello-world": _at(
        0.0, "", "Hello from Docker!", "This message shows that your installation appears to be working correctly.", ""
    ),
    "whoami": _at(0.0, "Starting up on port 80", prefix="%Y/%m/%d %H:%M:%S ", stream=2),
}  # fmt: skip
