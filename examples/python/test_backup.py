"""A tool that works with replicating storage, tested through the commands. Needs `copyset` on the path.

    pytest examples/python        or        python3 -m unittest discover examples/python
"""

import json
import os
import subprocess
import tempfile
import unittest


class CopysetError(Exception):
    """A command that failed; decide by its code."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.exit_code = error["exitCode"]


class Copyset:
    """Runs commands below one root, and gives back what they print for programs."""

    def __init__(self, root):
        self.root = root

    def __call__(self, *words, data=None):
        ended = subprocess.run(
            ["copyset", *words, "--root", self.root, "--json"],
            input=data,
            capture_output=True,
            timeout=120,
            check=False,
        )
        result = json.loads(ended.stdout)
        if "error" in result:
            raise CopysetError(result["error"])
        return result

    def read(self, volume, length):
        path = os.path.join(self.root, "read")
        self("volume", "read", volume, "--length", str(length), "--output", path)
        with open(path, "rb") as file:
            return file.read()


def nightly_backup(copyset, pair):
    """The tool under test: backs up what a pair's secondary holds, while hosts go on writing at the primary."""
    copyset("pair", "split", *pair, "--wait=1m")
    image = copyset.read(pair[1], 4 * 1024 * 1024)
    copyset("pair", "resync", *pair, "--wait=1m")
    return image


PAIR = ("tokyo:db", "osaka:db")
SITES = {
    "systems": {
        name: {"fixture": True, "durability": "none", "volumes": {"db": {"size": "4MiB"}}} for name in ("tokyo", "osaka")
    },
    "pairs": [{"primary": PAIR[0], "secondary": PAIR[1], "status": "duplex"}],
}


class NightlyBackup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copyset = Copyset(folder.name)
        # JSON is YAML as well.
        topology = os.path.join(folder.name, "sites.yaml")
        with open(topology, "w", encoding="utf-8") as file:
            json.dump(SITES, file)
        self.copyset("topology", "apply", topology)

    def test_holds_what_was_written_before_it(self):
        self.copyset("volume", "write", "tokyo:db", data=b"monday")
        self.assertTrue(nightly_backup(self.copyset, PAIR).startswith(b"monday"))
        status = self.copyset("pair", "show", *PAIR)["pairs"][0]["status"]
        self.assertEqual(status, "duplex")

    def test_stops_when_somebody_wrote_at_the_secondary(self):
        self.copyset("pair", "split", *PAIR, "--wait")
        self.copyset("volume", "write", "osaka:db", data=b"by mistake")
        with self.assertRaises(CopysetError) as caught:
            nightly_backup(self.copyset, PAIR)
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("discard-needed", 3))

    def test_fails_when_the_storage_does(self):
        self.copyset("fault", "set", "osaka", "io-error", "--volume", "db", "--track", "0", "--on", "read")
        with self.assertRaises(CopysetError) as caught:
            nightly_backup(self.copyset, PAIR)
        self.assertEqual(caught.exception.code, "io-error")


if __name__ == "__main__":
    unittest.main()
