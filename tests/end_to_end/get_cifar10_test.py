#!/usr/bin/env python3
"""Tests tools/get_cifar10.sh against a small archive served on 127.0.0.1.

Usage: get_cifar10_test.py [SCRIPT] [unittest arguments]
"""

import hashlib
import http.server
import io
import os
import random
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "get_cifar10.sh"
FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
PART = ARCHIVE + ".part"
BATCHES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
BATCH_BYTES = 3 * 3073
RUN_SECONDS = 10


def data_set():
    """Incompressible, so that half an archive is about half of the data."""
    source = random.Random(7)
    files = {name: source.randbytes(BATCH_BYTES) for name in BATCHES}
    files["batches.meta.txt"] = b"airplane\nautomobile\n"
    return files


def entry(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.size = len(content)
    return info, content


def pack(entries):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def official_entries(files):
    """Laid out as the official archive is: a folder, its files, and one nobody needs."""
    return (
        [entry(FOLDER, kind=tarfile.DIRTYPE)]
        + [entry(f"{FOLDER}/{name}", content) for name, content in files.items()]
        + [entry(f"{FOLDER}/readme.html", b"<html></html>")]
    )


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.archive.answer(self)

    def log_message(self, *_):
        pass


class Server:
    """Serves one archive at any path; the attributes say how well it behaves."""

    def __init__(self, content):
        self.content = content
        self.ranges = True
        self.cut_after = None
        self.hold_after = None
        self.held = threading.Event()
        self.release = threading.Event()
        self.redirect_to = None
        self.requests = []
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.archive = self
        # A client which took the brackets for a pattern would ask twice.
        self.url = f"http://127.0.0.1:{self._http.server_port}/{ARCHIVE}?[1-2]"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.release.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, request):
        asked = request.headers.get("Range")
        record = {"range": asked, "sent": 0}
        self.requests.append(record)
        if self.redirect_to:
            request.send_response(302)
            request.send_header("Location", self.redirect_to)
            request.end_headers()
            return
        body = self._headers(request, int(asked[len("bytes="):-1]) if asked else 0)
        if self.cut_after is not None:
            body = body[: self.cut_after]
        try:
            self._send(request, record, body)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _headers(self, request, start):
        total = len(self.content)
        if start and self.ranges and start >= total:
            request.send_error(416)
            return b""
        if not self.ranges:
            start = 0
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        request.send_header("Content-Length", str(total - start))
        request.end_headers()
        return self.content[start:]

    def _send(self, request, record, body):
        # Counted beforehand: the test may look as soon as the client has the last byte.
        record["sent"] = len(body)
        if self.hold_after is not None:
            request.wfile.write(body[: self.hold_after])
            body = body[self.hold_after :]
            self.held.set()
            self.release.wait(RUN_SECONDS)
        request.wfile.write(body)


class GetCifar10(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="get_cifar10_test.")
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        # Characters which tar, curl and the shell are known to read something into.
        self.dir = self.root / "a b" / "host:#1 [x]"
        self.target = self.dir / FOLDER
        self.part = self.dir / PART
        self.files = data_set()
        self.serve(pack(official_entries(self.files)))

    def serve(self, content):
        self.content = content
        self.server = Server(content)
        self.addCleanup(self.server.close)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),  # keeps the user's .curlrc out
            "CIFAR10_URL": self.server.url,
            "CIFAR10_BYTES": str(len(content)),
            "CIFAR10_SHA256": hashlib.sha256(content).hexdigest(),
            "CIFAR10_BATCH_BYTES": str(BATCH_BYTES),
        }

    def start(self, *arguments):
        command = [str(SCRIPT), *(arguments or (str(self.dir),))]
        process = subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.root,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process):
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def run_script(self, *arguments):
        process = self.start(*arguments)
        process.out, process.err = process.communicate(timeout=RUN_SECONDS)
        return process

    def put_half_a_part(self):
        self.dir.mkdir(parents=True)
        half = len(self.content) // 2
        self.part.write_bytes(self.content[:half])
        return half

    def assert_succeeds(self, run):
        self.assertEqual(run.returncode, 0, run.err)
        self.assertEqual(run.out.splitlines()[-1], str(self.target))
        self.assertNotIn("get_cifar10: ", run.err)
        self.assert_whole()

    def assert_whole(self):
        self.assertEqual({path.name for path in self.target.iterdir()}, set(self.files))
        for name, content in self.files.items():
            path = self.target / name
            self.assertFalse(path.is_symlink())
            self.assertEqual(path.read_bytes(), content, name)

    def assert_fails(self, run, code, *words):
        self.assertEqual(run.returncode, code, run.err)
        self.assertEqual(run.out, "")
        errors = [line for line in run.err.splitlines() if line.startswith("get_cifar10: ")]
        self.assertEqual(len(errors), 1, run.err)
        self.assertEqual(run.err.splitlines()[-1], errors[0])
        for word in words:
            self.assertIn(word, errors[0])

    def assert_dir_holds(self, *names):
        found = {path.name for path in self.dir.iterdir()} - {".get_cifar10.lock"}
        self.assertEqual(found, set(names))

    def assert_rejected(self, entries, *words):
        self.serve(pack(entries))
        self.assert_fails(self.run_script(), 1, *words)
        self.assert_dir_holds()

    # --- what is asked for -------------------------------------------------

    def test_fresh_download(self):
        self.assert_succeeds(self.run_script())
        self.assert_dir_holds(FOLDER)
        self.assertEqual(len(self.server.requests), 1)
        self.assertIsNone(self.server.requests[0]["range"])

    def test_folder_has_the_usual_mode(self):
        self.assert_succeeds(self.run_script())
        usual = self.root / "usual"
        usual.mkdir()
        self.assertEqual(self.target.stat().st_mode, usual.stat().st_mode)

    def test_dir_is_data_by_default(self):
        process = subprocess.run(
            [SCRIPT], env=self.environment, cwd=self.root, text=True, capture_output=True
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(process.stdout, f"data/{FOLDER}\n")
        self.target = self.root / "data" / FOLDER
        self.assert_whole()

    def test_second_run_does_nothing(self):
        self.assert_succeeds(self.run_script())
        self.server.requests.clear()
        before = self.target.stat()
        self.assert_succeeds(self.run_script())
        self.assertEqual(self.server.requests, [])
        self.assertEqual(self.target.stat(), before)

    def test_archive_is_kept_and_used_again(self):
        self.assert_succeeds(self.run_script("--keep-archive", str(self.dir)))
        self.assert_dir_holds(FOLDER, ARCHIVE)
        self.assertEqual((self.dir / ARCHIVE).read_bytes(), self.content)
        self.target.rename(self.root / "away")
        self.assert_succeeds(self.run_script())
        self.assert_dir_holds(FOLDER, ARCHIVE)
        self.assertEqual(len(self.server.requests), 1)

    def test_wrong_archive_of_the_user_is_moved_aside(self):
        self.dir.mkdir(parents=True)
        (self.dir / ARCHIVE).write_bytes(b"mine")
        self.assert_succeeds(self.run_script())
        self.assert_dir_holds(FOLDER, ARCHIVE + ".wrong.1")
        self.assertEqual((self.dir / (ARCHIVE + ".wrong.1")).read_bytes(), b"mine")

    def test_redirect_is_followed_over_http_only(self):
        good = self.server.url
        redirecting = Server(b"")
        self.addCleanup(redirecting.close)
        self.environment["CIFAR10_URL"] = redirecting.url
        # Had the client tried it, it would report it as unreachable.
        redirecting.redirect_to = "ftp://127.0.0.1:1/archive"
        self.assert_fails(self.run_script(), 1)
        self.assertFalse(self.target.exists())
        redirecting.redirect_to = good
        self.assert_succeeds(self.run_script())

    # --- continuing --------------------------------------------------------

    def test_half_a_part_is_continued(self):
        half = self.put_half_a_part()
        self.assert_succeeds(self.run_script())
        rest = len(self.content) - half
        self.assertEqual(self.server.requests, [{"range": f"bytes={half}-", "sent": rest}])
        self.assert_dir_holds(FOLDER)

    def test_whole_part_needs_no_server(self):
        self.dir.mkdir(parents=True)
        self.part.write_bytes(self.content)
        self.assert_succeeds(self.run_script())
        self.assertEqual(self.server.requests, [])

    def test_part_which_is_too_long_is_dropped(self):
        self.dir.mkdir(parents=True)
        self.part.write_bytes(self.content + b"x")
        self.assert_succeeds(self.run_script())
        self.assertEqual([request["range"] for request in self.server.requests], [None])

    def test_server_without_ranges(self):
        half = self.put_half_a_part()
        self.server.ranges = False
        self.assert_succeeds(self.run_script())
        ranges = [request["range"] for request in self.server.requests]
        self.assertEqual(ranges, [f"bytes={half}-", None])

    def test_server_which_refuses_the_range(self):
        half = self.put_half_a_part()
        self.server.content = self.content[:half]
        self.assert_fails(self.run_script(), 1, str(half), str(len(self.content)))
        ranges = [request["range"] for request in self.server.requests]
        self.assertEqual(ranges, [f"bytes={half}-", None])
        self.assert_dir_holds()

    def test_cut_connection_then_completed(self):
        half = len(self.content) // 2
        self.server.cut_after = half
        self.assert_fails(self.run_script(), 3, self.server.url)
        self.assert_dir_holds(PART)
        self.assertEqual(self.part.read_bytes(), self.content[:half])
        self.server.cut_after = None
        self.server.requests.clear()
        self.assert_succeeds(self.run_script())
        self.assertEqual(self.server.requests[0]["range"], f"bytes={half}-")

    def test_signal_ends_it_and_the_next_run_continues(self):
        self.server.hold_after = len(self.content) // 2
        process = self.start()
        self.wait_until(lambda: self.part.exists() and self.part.stat().st_size > 0)
        process.terminate()
        # stderr reaches its end only once no child of the script is left.
        process.communicate(timeout=RUN_SECONDS / 2)
        self.assertEqual(process.returncode, 128 + 15)
        self.assert_dir_holds(PART)
        arrived = self.part.stat().st_size
        self.server.hold_after = None
        self.server.requests.clear()
        self.assert_succeeds(self.run_script())
        self.assertEqual(self.server.requests[0]["range"], f"bytes={arrived}-")

    def wait_until(self, condition):
        end = time.monotonic() + RUN_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    # --- wrong files -------------------------------------------------------

    def test_wrong_sha256(self):
        right = self.environment["CIFAR10_SHA256"]
        self.environment["CIFAR10_SHA256"] = "0" * 64
        self.assert_fails(self.run_script(), 1, right, "0" * 64)
        self.assert_dir_holds()

    def test_damaged_part_is_dropped_and_the_next_run_is_clean(self):
        self.put_half_a_part()
        self.part.write_bytes(b"x" * (len(self.content) // 2))
        self.assert_fails(self.run_script(), 1, "sha256")
        self.assert_dir_holds()
        self.assert_succeeds(self.run_script())

    def test_file_which_is_too_long(self):
        self.server.content = self.content + b"x"
        self.assert_fails(self.run_script(), 1, f"more than the {len(self.content)} bytes")
        self.assert_dir_holds()

    def test_http_error(self):
        self.server.content = b""
        self.server.answer = lambda request: request.send_error(404)
        self.assert_fails(self.run_script(), 3, "404")
        self.assert_dir_holds()

    # --- wrong contents ----------------------------------------------------

    def test_short_batch_in_archive(self):
        self.files["data_batch_3.bin"] = self.files["data_batch_3.bin"][:-1]
        self.assert_rejected(
            official_entries(self.files), "data_batch_3.bin", str(BATCH_BYTES - 1), str(BATCH_BYTES)
        )

    def test_long_meta_in_archive(self):
        self.files["batches.meta.txt"] = b"x" * 1001
        self.assert_rejected(official_entries(self.files), "batches.meta.txt", "1001")

    def test_missing_batch_in_archive(self):
        del self.files["test_batch.bin"]
        self.assert_rejected(official_entries(self.files), "test_batch.bin")

    def test_not_an_archive(self):
        self.serve(b"no archive")
        self.assert_fails(self.run_script(), 1)
        self.assert_dir_holds()

    def test_irregular_files_named_as_a_batch_are_rejected(self):
        outside = self.root / "outside"
        outside.write_bytes(b"x" * BATCH_BYTES)
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            for files_kept in (True, False):
                with self.subTest(kind=kind, files_kept=files_kept):
                    files = dict(self.files)
                    if not files_kept:
                        del files["data_batch_2.bin"]
                    bad = entry(f"{FOLDER}/data_batch_2.bin", kind=kind, link=str(outside))
                    self.assert_rejected([bad] + official_entries(files), "not a regular file")
        self.assertEqual(outside.read_bytes(), b"x" * BATCH_BYTES)

    def test_folder_named_as_a_batch_is_rejected(self):
        directory = entry(f"{FOLDER}/data_batch_2.bin", kind=tarfile.DIRTYPE)
        child = entry(f"{FOLDER}/data_batch_2.bin/child", b"x")
        for extra in (directory, child):
            with self.subTest(name=extra[0].name):
                self.assert_rejected([extra] + official_entries(self.files), "data_batch_2.bin")

    def test_nothing_is_written_outside(self):
        outside = self.root / "outside"
        outside.mkdir()
        evil = [
            entry("../evil", b"x"),
            entry(f"{FOLDER}/../../evil", b"x"),
            entry(str(outside / "evil"), b"x"),
            entry("link", kind=tarfile.SYMTYPE, link=str(outside)),
            entry("link/evil", b"x"),
        ]
        self.serve(pack(evil + official_entries(self.files)))
        self.assert_succeeds(self.run_script())
        self.assert_dir_holds(FOLDER)
        self.assertEqual(list(self.root.rglob("evil")), [])

    def test_top_folder_as_link_leads_nowhere(self):
        outside = self.root / "outside"
        outside.mkdir()
        link = entry(FOLDER, kind=tarfile.SYMTYPE, link=str(outside))
        self.serve(pack([link] + official_entries(self.files)[1:]))
        self.assert_succeeds(self.run_script())
        self.assertFalse(self.target.is_symlink())
        self.assertEqual(list(outside.iterdir()), [])

    # --- what stands already -----------------------------------------------

    def test_incomplete_target_is_kept_aside(self):
        for n in (1, 2):
            self.target.mkdir(parents=True, exist_ok=True)
            for path in self.target.iterdir():
                path.unlink()
            (self.target / "data_batch_1.bin").write_bytes(b"half")
            (self.target / "notes").write_text(f"mine {n}")
            run = self.run_script()
            self.assert_succeeds(run)
            self.assertIn("incomplete", run.err)
            aside = self.dir / f"{FOLDER}.incomplete.{n}"
            self.assertEqual((aside / "notes").read_text(), f"mine {n}")
            self.assertEqual((aside / "data_batch_1.bin").read_bytes(), b"half")

    def test_incomplete_target_stays_when_the_download_fails(self):
        self.target.mkdir(parents=True)
        (self.target / "notes").write_text("mine")
        self.server.cut_after = 100
        self.assert_fails(self.run_script(), 3)
        self.assert_dir_holds(FOLDER, PART)
        self.assertEqual((self.target / "notes").read_text(), "mine")

    def test_empty_target_is_replaced(self):
        self.target.mkdir(parents=True)
        self.assert_succeeds(self.run_script())
        self.assert_dir_holds(FOLDER)

    def test_leftovers_of_a_killed_run_go(self):
        leftover = self.dir / ".get_cifar10.tmp" / FOLDER
        leftover.mkdir(parents=True)
        (leftover / "data_batch_1.bin").write_bytes(b"half")
        self.assert_succeeds(self.run_script())
        self.assert_dir_holds(FOLDER)

    # --- surroundings ------------------------------------------------------

    def test_unreachable(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.environment["CIFAR10_URL"] = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
            begin = time.monotonic()
            self.assert_fails(self.run_script(), 3, self.environment["CIFAR10_URL"])
            self.assertLess(time.monotonic() - begin, 6)
        self.assert_dir_holds()

    def test_two_at_once(self):
        self.server.hold_after = len(self.content) // 2
        first = self.start()
        self.assertTrue(self.server.held.wait(RUN_SECONDS))
        second = self.start()
        self.assertIn("waiting", second.stderr.readline())
        self.server.release.set()
        for process in (first, second):
            process.out, process.err = process.communicate(timeout=RUN_SECONDS)
            self.assert_succeeds(process)
        self.assertEqual(len(self.server.requests), 1)
        self.assert_dir_holds(FOLDER)

    def test_missing_programs_are_named(self):
        for missing in ("curl", "tar", "sha256sum", "flock"):
            with self.subTest(missing=missing):
                self.environment["PATH"] = str(self.programs_without(missing))
                self.assert_fails(self.run_script(), 1, f"'{missing}'")
                self.assertFalse(self.target.exists())

    def programs_without(self, missing):
        programs = self.root / f"without {missing}"
        programs.mkdir()
        for folder in os.environ["PATH"].split(os.pathsep):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                if name != missing and not os.path.lexists(programs / name):
                    os.symlink(os.path.join(folder, name), programs / name)
        return programs

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_unwritable_dir(self):
        self.dir.mkdir(parents=True)
        self.dir.chmod(0o555)
        self.addCleanup(self.dir.chmod, 0o755)
        self.assert_fails(self.run_script(), 1, str(self.dir))
        self.assertEqual(list(self.dir.iterdir()), [])

    def test_dir_is_a_file(self):
        self.dir.parent.mkdir(parents=True)
        self.dir.write_text("mine")
        self.assert_fails(self.run_script(), 1, str(self.dir))
        self.assertEqual(self.dir.read_text(), "mine")

    def test_wrong_usage(self):
        for arguments in (["--unknown"], ["a", "b"], [""]):
            with self.subTest(arguments=arguments):
                self.assert_fails(self.run_script(*arguments), 2)
        self.assertEqual(self.server.requests, [])

    def test_help(self):
        run = self.run_script("--help")
        self.assertEqual((run.returncode, run.err), (0, ""))
        self.assertIn("Usage:", run.out)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isfile(sys.argv[1]):
        SCRIPT = Path(sys.argv.pop(1)).resolve()
    unittest.main()
