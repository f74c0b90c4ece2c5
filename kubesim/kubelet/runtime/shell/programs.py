"""Every program that a simulated container has: one visible list."""

from __future__ import annotations

from kubesim.kubelet.runtime.shell.archives import ARCHIVES
from kubesim.kubelet.runtime.shell.curl import curl
from kubesim.kubelet.runtime.shell.filters import FILTERS
from kubesim.kubelet.runtime.shell.nslookup import getent, nslookup
from kubesim.kubelet.runtime.shell.system_tools import SYSTEM_TOOLS
from kubesim.kubelet.runtime.shell.text_tools import TEXT_TOOLS
from kubesim.kubelet.runtime.shell.tools import TOOLS, Tool
from kubesim.kubelet.runtime.shell.wget import NET_TOOLS

PROGRAMS: dict[str, Tool] = {
    **TOOLS,
    **TEXT_TOOLS,
    **SYSTEM_TOOLS,
    **FILTERS,
    **ARCHIVES,
    **NET_TOOLS,
    "curl": curl,
    "getent": getent,
    "nslookup": nslookup,
}
