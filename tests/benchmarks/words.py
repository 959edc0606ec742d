"""Literals for generated rules: common Windows names that are real, everything else invented by rule of formation.

Goes in: chance. Comes out: names of programs, folders, domains, keys and switches. Decision: what is invented is made
of syllables, so that it resembles a name in length and in letters, shares beginnings with others as names do, and is in
no record; a real name is what makes a rule look at a record closely.
"""

import random
from collections.abc import Sequence

COMMON = (
    "powershell.exe", "pwsh.exe", "cmd.exe", "rundll32.exe", "regsvr32.exe", "svchost.exe", "mshta.exe", "wscript.exe",
    "cscript.exe", "schtasks.exe", "reg.exe", "net.exe", "net1.exe", "wmic.exe", "certutil.exe", "bitsadmin.exe",
    "msbuild.exe", "msiexec.exe", "sc.exe", "whoami.exe", "explorer.exe", "services.exe", "lsass.exe", "winlogon.exe",
    "WmiPrvSE.exe", "winword.exe", "excel.exe", "outlook.exe", "notepad.exe", "taskkill.exe", "nltest.exe",
)  # fmt: skip
BROWSERS = (
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files\Mozilla Firefox\firefox.exe",
    r"C:\Program Files (x86)\Mozilla Firefox\firefox.exe",
    r"C:\Program Files\Internet Explorer\iexplore.exe",
    r"C:\Program Files (x86)\Internet Explorer\iexplore.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
HOMES = (
    "C:\\Program Files\\", "C:\\Program Files (x86)\\", "C:\\Windows\\System32\\", "C:\\Windows\\SysWOW64\\",
    "C:\\Windows\\WinSxS\\", "C:\\ProgramData\\Microsoft\\Windows Defender\\",
)  # fmt: skip
STAGES = (
    ":\\Users\\Public\\", "\\AppData\\Local\\Temp\\", ":\\PerfLogs\\", ":\\$Recycle.bin\\", "\\Downloads\\",
    ":\\Windows\\Fonts\\", "\\AppData\\Roaming\\", ":\\Windows\\Tasks\\",
)  # fmt: skip
HIVES = (
    "\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\", "\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\",
    "\\SOFTWARE\\Policies\\Microsoft\\", "\\System\\CurrentControlSet\\Services\\",
    "\\System\\CurrentControlSet\\Control\\", "\\SOFTWARE\\Microsoft\\Office\\", "\\SOFTWARE\\Classes\\",
)  # fmt: skip
SWITCHES = (
    "-enc", "-nop", " /c ", " /create ", " add ", " delete ", " -w hidden", "http", "FromBase64String", ".dll",
    " query ", " stop ", "\\\\", "javascript:", "/transfer", " -urlcache", "shadowcopy", "process call create",
)  # fmt: skip
SYSTEM_LIBRARIES = ("dbghelp.dll", "dbgcore.dll", "amsi.dll", "vaultcli.dll", "taskschd.dll", "wbemcomn.dll", "clr.dll")
TYPES = (
    ".exe",
    ".dll",
    ".ps1",
    ".vbs",
    ".js",
    ".bat",
    ".lnk",
    ".iso",
    ".hta",
    ".one",
    ".zip",
    ".dmp",
    ".kirbi",
    ".scr",
)

_HEADS = (
    "br", "cr", "d", "dr", "fl", "g", "gr", "h", "k", "kl", "l", "m", "n", "p", "pl", "qu", "r", "s", "sk", "sn", "st",
    "t", "tr", "v", "w", "z",
)  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou")
_TAILS = (
    "b", "ck", "d", "g", "l", "ll", "m", "n", "nt", "p", "r", "rn", "s", "sh", "st", "t", "th", "x",
)  # fmt: skip
_TOPS = ("com", "net", "io", "org", "dev", "me", "app", "cloud", "co")
_HOSTS = ("api", "cdn", "update", "relay", "content", "login", "dl", "control")


class Words:
    """Draws from one chance; two of the same seed give the same words in the same order."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def word(self, syllables: int = 2) -> str:
        """Give an invented word, such as ``drailstoun``."""
        choice = self.chance.choice
        return "".join(choice(_HEADS) + choice(_VOWELS) + choice(_TAILS) for _ in range(syllables))

    def name(self) -> str:
        """Give the same with capitals, as keys, tools and functions have them."""
        return self.word(1).capitalize() + self.word(1).capitalize()

    def program(self, common: float = 0.25) -> str:
        """Give a program's file name; ``common`` is the share of those that every Windows has."""
        return self.chance.choice(COMMON) if self.chance.random() < common else f"{self.word()}.exe"

    def programs(self, most: int, common: float = 0.25) -> list[str]:
        """Give one to ``most`` programs, few more often than many, each once."""
        return sorted({self.program(common) for _ in range(self.few(most))})

    def domain(self) -> str:
        """Give a domain, with a host in front of it or without."""
        name = f"{self.word(self.chance.choice((1, 2)))}.{self.chance.choice(_TOPS)}"
        return f"{self.chance.choice(_HOSTS)}.{name}" if self.chance.random() < 0.5 else name

    def folder(self) -> str:
        """Give a part of a path that a program has no business in, or one of an invented product."""
        return self.chance.choice(STAGES) if self.chance.random() < 0.3 else f"\\{self.name()}\\"

    def key(self) -> str:
        """Give the end of a registry path under a real hive."""
        return f"{self.chance.choice(HIVES)}{self.name()}\\{self.name()}"

    def switch(self, common: float = 0.4) -> str:
        """Give what stands in a command line."""
        if self.chance.random() < common:
            return self.chance.choice(SWITCHES)
        return self.chance.choice(("--{}", " -{} ", " /{}", "{}", "{} ")).format(self.word(self.chance.choice((1, 2))))

    def digest(self, digits: int = 32) -> str:
        """Give a hash."""
        return f"{self.chance.getrandbits(4 * digits):0{digits}X}"

    def few(self, most: int) -> int:
        """Give a number from 1 to ``most``, small ones more often: half are 1, a quarter 2, and so on."""
        number = 1
        while number < most and self.chance.random() < 0.5:
            number += 1
        return number

    def some(self, of: Sequence[str], most: int) -> list[str]:
        """Give one to ``most`` of these, each once."""
        return sorted(self.chance.sample(of, min(self.few(most), len(of))))
