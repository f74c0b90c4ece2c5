"""kube-scheduler: decides on which node a Pod runs."""

from kubesim.scheduler.config import Profile, SchedulerConfiguration
from kubesim.scheduler.scheduler import Scheduler

__all__ = ["Profile", "Scheduler", "SchedulerConfiguration"]
