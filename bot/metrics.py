"""Counters and gauges for /metrics; one registry per running bot, so that several can live in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """What an operator watches (newcomer section 10)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.callbacks = Counter(
            "jiedan_wecom_callbacks", "WeCom callbacks by result", ["result"], registry=self.registry
        )
        self.calls = Counter(
            "jiedan_metered_calls", "DingTalk calls that count against the month", ["kind"], registry=self.registry
        )
        self.ingest_seconds = Histogram(
            "jiedan_ingest_seconds",
            "From a verified inbound to its commit",
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
        )
        self.ingest_refused = Counter(
            "jiedan_ingest_refused", "Inbounds that could not be stored in time (503)", registry=self.registry
        )
        self.spool_used = Counter(
            "jiedan_spool_used", "Inbounds spooled because the database did not answer", registry=self.registry
        )
        self.spooled = Gauge(
            "jiedan_spool_rows", "Inbounds in the spool, not yet in the database", registry=self.registry
        )
        self.cannot_write = Gauge(
            "jiedan_cannot_write", "1 while an inbound could be stored nowhere", registry=self.registry
        )
        self.no_spool = Gauge(
            "jiedan_no_spool", "1 while an outage of the database could not be bridged", registry=self.registry
        )
        self.inbox_open = Gauge("jiedan_inbox_open", "Inbound rows not yet worked", registry=self.registry)
        self.inbox_age = Gauge("jiedan_inbox_age_seconds", "Age of the oldest open inbound", registry=self.registry)
        self.parked = Gauge("jiedan_parked", "Dead letters nobody has resolved", registry=self.registry)
        self.streams = Gauge("jiedan_dingtalk_sockets", "Live DingTalk stream sockets", registry=self.registry)
        self.aibot = Gauge(
            "jiedan_aibot_connected", "1 where the WeCom aibot's connection is held", registry=self.registry
        )
        self.backup_age = Gauge(
            "jiedan_backup_age_seconds", "Age of the newest backup, where backups are made", registry=self.registry
        )
        self.reading = Gauge(
            "jiedan_reading_queue", "Pictures and files waiting for the reader", registry=self.registry
        )

        self.audit_findings = Gauge(
            "jiedan_audit_findings", "What the auditor's last round found", ["kind"], registry=self.registry
        )
        self.audit_age = Gauge(
            "jiedan_audit_age_seconds", "Since the auditor's last finished round", registry=self.registry
        )
        self.refused_pages = Counter(
            "jiedan_refused_pages",
            "Requests to administrators' pages with a key that does not open",
            registry=self.registry,
        )

        self.deadlines_fired_total = Counter(
            "jiedan_deadlines_fired", "Deadlines whose effect is committed", ["kind"], registry=self.registry
        )
        self.deadline_lateness = Histogram(
            "jiedan_deadline_late_seconds",
            "From the due time of a deadline to its firing",
            registry=self.registry,
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0, 3600.0),
        )
        self.overdue = Gauge(
            "jiedan_deadlines_overdue", "Armed deadlines more than 5 s past their time", registry=self.registry
        )

        self.deliveries = Counter(
            "jiedan_deliveries",
            "Tries to tell something, by platform and result",
            ["platform", "result"],
            registry=self.registry,
        )
        self.throttled = Counter(
            "jiedan_throttled",
            "Sends that waited for a limit of ours or for a breaker",
            ["platform", "api"],
            registry=self.registry,
        )
        self.breaker_open = Gauge(
            "jiedan_breaker_open", "1 while an API is left alone", ["platform", "api"], registry=self.registry
        )
        self.send_lag = Gauge(
            "jiedan_send_lag_seconds", "Age of the oldest unsent notice", ["platform"], registry=self.registry
        )
        self.quota_used = Gauge(
            "jiedan_quota_used_percent", "Metered DingTalk calls of the month", ["kind"], registry=self.registry
        )
        self.database_away = Gauge(
            "jiedan_database_away", "1 while the database does not answer this replica", registry=self.registry
        )
        self.redis_away = Gauge(
            "jiedan_redis_away", "1 while this replica coordinates without Redis", registry=self.registry
        )

    def deadline_fired(self, kind: str, late_seconds: float) -> None:
        self.deadlines_fired_total.labels(kind=kind).inc()
        self.deadline_lateness.observe(late_seconds)

    def deadlines_overdue(self, count: int) -> None:
        self.overdue.set(count)

    def count(self, name: str, /, **labels: str) -> None:
        """The adapter's counter hook."""
        counters = {"wecom_callbacks": self.callbacks, "deliveries": self.deliveries, "throttled": self.throttled}
        if name in counters:
            counters[name].labels(**labels).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)
