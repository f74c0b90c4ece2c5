"""The bus: what happens in a cluster, told over MQTT, and commands that come in.

A *publisher* (publisher.py) turns changes and trace records into messages and puts them into an *outbox*
(outbox.py), which never blocks and never grows beyond its bound. A *connection* (mqtt.py) lives on a thread of its
own, in wall time, and carries the outbox to the broker: so a cluster never waits for a broker, at whatever speed
its own time passes. Topics and payloads are described in docs/mqtt.md and made in topics.py.
"""
