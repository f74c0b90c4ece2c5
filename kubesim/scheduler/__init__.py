"""kube-scheduler: decides on which node a Pod runs."""

from kubesim.scheduler.config import Profile, SchedulerConfiguration
from kubesim.scheduler.config_problems import ConfigurationError
from kubesim.scheduler.scheduler import Scheduler

__all__ = ["ConfigurationError", "Profile", "Scheduler", "SchedulerConfiguration"]
