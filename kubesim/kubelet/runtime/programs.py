"""Which programs are in an image: so that a mistyped command fails as it does in life.

Only official images of the library are judged; any other may have whatever it is asked to run. A path below a mounted
volume is believed to be there. Upstream: opencontainers/runc's libcontainer (the texts).
"""

from __future__ import annotations

from kubesim.api.views import Container as ContainerSpec
from kubesim.kubelet.runtime.model import KnownImage
from kubesim.kubelet.runtime.names import repository_of

OFFICIAL = ("docker.io/library/", "registry.k8s.io/")
FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
SHELL = ("sh", "ash")


def words(text: str) -> frozenset[str]:
    """Names with blanks between them."""
    return frozenset(text.split())


EVERYWHERE = words(
    """[ awk base64 basename cat chgrp chmod chown chroot cksum comm cp cut date dd df diff dirname du echo egrep env
    expand expr factor false fgrep find fold free grep groups gunzip gzip head hostid hostname id install kill link ln
    logger login ls md5sum mkdir mkfifo mknod mktemp more mount mv nice nl nohup nproc od paste printenv printf ps pwd
    readlink realpath rm rmdir sed seq sha1sum sha256sum sha512sum shred shuf sleep sort split stat stty sum sync tac
    tail tar tee test timeout touch tr true truncate tsort tty umount uname unexpand uniq unlink uptime wc which who
    whoami xargs yes"""
)
BUSYBOX = words(
    """adduser addgroup arch arp ash bc bzip2 cal clear cmp crond dc dmesg ether-wake fuser getopt halt hexdump httpd
    ifconfig ip ipcalc killall less losetup lsof lspci mkpasswd nc netstat nslookup passwd patch pgrep ping ping6 pkill
    poweroff pstree pwdx reboot renice reset rev route sha3sum su sysctl telnet telnetd time top traceroute udhcpc
    unzip usleep vi watch wget whois xxd zcat"""
)
DEBIAN = words(
    """apt apt-get bash dash debconf dpkg getent hostnamectl ldconfig lsblk mawk nsenter pathchk perl runuser script
    setpriv su tic unshare useradd"""
)


def start_error(spec: ContainerSpec, known: KnownImage | None) -> str:
    """runc's reason why the command of a container cannot be started; "" if it can."""
    if not spec.command or known is None or not repository_of(spec.image).startswith(OFFICIAL):
        return ""
    word = spec.command[0]
    folder, slash, name = word.rpartition("/")
    if not name:
        return f'exec: "{word}": is a directory'
    if slash and folder not in FOLDERS:
        if any(f"{word}".startswith(f"{mount.mount_path.rstrip('/')}/") for mount in spec.volume_mounts):
            return ""
        if name in known.programs or folder.startswith("."):
            return ""
        return f'exec: "{word}": stat {word}: no such file or directory'
    if has_program(known, name):
        return ""
    if slash:
        return f'exec: "{word}": stat {word}: no such file or directory'
    return f'exec: "{word}": executable file not found in $PATH'


def has_program(known: KnownImage, name: str) -> bool:
    """Whether an image has a program of this name."""
    if name in known.programs:
        return True
    if not known.shell:
        return False
    if name in SHELL or name in EVERYWHERE:
        return True
    return name in (DEBIAN if known.base == "debian" else BUSYBOX) or (known.base == "debian" and name == "bash")
