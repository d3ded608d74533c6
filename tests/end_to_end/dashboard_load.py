#!/usr/bin/env python3
"""Loads gan_dashboard with far more than it will meet and prints what a normal request sees of it.

    dashboard_load.py FOLDER OF THE PROGRAMS [--seconds 60] [--runs 1000] [--records 1000000] [--within 100]

200 event streams on one run, 200 clients that trickle a request, 50 that ask and read nothing, while
one client makes normal requests, a record comes in ten times a second, and the folder holds many
runs and one run of many records. Fails where the 99th percentile of a request is above --within
milliseconds or the first page above ten times that, the server's memory above 200 MB, or a stream
misses its events. The suite, on machines that may be busy, allows what only a server that waits for
its clients would take.
"""

import argparse
import json
import math
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

STREAMS, TRICKLERS, SLEEPERS = 200, 200, 50
MAX_MEGABYTES = 200


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(kind, **fields):
    return json.dumps({"v": 1, "time": now(), "type": kind, **fields}) + "\n"


def metrics(step):
    wave = math.sin(step / 1000)
    numbers = {"d_loss": 1.3 + wave / 10, "g_loss": 0.8 - wave / 10, "d_real": 0.5, "d_fake": 0.5}
    place = {"step": step, "epoch": 1, "epochs": 9, "steps_in_epoch": 10**7, "step_in_epoch": step}
    return line("metrics", **place, **numbers, images_per_second=1500, resident_bytes=10**8)


def start(job_id):
    return line("run_started", job_id=job_id, dataset="cifar10", world=1, host="load", pid=1)


def make_runs(folder, runs, records):
    for i in range(runs):
        run = folder / f"run-{i:04}"
        run.mkdir(parents=True)
        end = line("run_ended", how="finished")
        (run / "events.jsonl").write_text(start(run.name) + "".join(map(metrics, range(60))) + end)
    (folder / "long").mkdir()
    with (folder / "long" / "events.jsonl").open("w") as file:
        file.write(start("long"))
        for step in range(records):
            file.write(metrics(step))
    (folder / "live").mkdir()
    return (folder / "live" / "events.jsonl").open("a", buffering=1)


class Server:
    def __init__(self, programs, folder):
        command = [programs / "gan_dashboard", "--runs", folder, "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)", self.process.stdout.readline())[1])

    def get(self, target):
        """Milliseconds and body."""
        begin = time.monotonic()
        url = f"http://127.0.0.1:{self.port}{target}"
        with urllib.request.urlopen(url, timeout=30) as response:
            body = response.read()
        return (time.monotonic() - begin) * 1000, body

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def megabytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000


class Crowd(threading.Thread):
    """The clients that are there to be a load."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ending = server, threading.Event()
        self.events = [0] * STREAMS
        self.dropped = 0
        self.tricklers = [None] * TRICKLERS
        self.sleepers = []
        self.selector = selectors.DefaultSelector()

    def run(self):
        for i in range(STREAMS):
            stream = self.server.connect()
            stream.sendall(b"GET /api/events?runs=live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            stream.setblocking(False)
            self.selector.register(stream, selectors.EVENT_READ, i)
        for _ in range(SLEEPERS):
            sleeper = self.server.connect()
            sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sleeper.sendall(b"GET /api/runs HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            self.sleepers.append(sleeper)
        next_trickle = 0
        while not self.ending.is_set():
            for key, _ in self.selector.select(0.2):
                data = key.fileobj.recv(1 << 20)
                self.events[key.data] += data.count(b"event: append")
                if not data:
                    self.selector.unregister(key.fileobj)
            if time.monotonic() > next_trickle:
                self.trickle()
                next_trickle = time.monotonic() + 1

    def trickle(self):
        for i, client in enumerate(self.tricklers):
            try:
                if client is None:
                    client = self.tricklers[i] = self.server.connect()
                    client.sendall(b"GET / HTTP/1.1\r\n")
                client.sendall(b"x")
            except OSError:
                self.dropped += 1
                self.tricklers[i] = None


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def measure(server, live, seconds):
    targets = ["/api/runs/live", "/api/runs/live/series", "/api/runs/long/series?points=2000"]
    targets += ["/api/runs/run-0007", "/api/runs/long/log", "/api/runs", "/"]
    times = {target: [] for target in targets}
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        live.write(metrics(step))
        times[targets[step % len(targets)]].append(server.get(targets[step % len(targets)])[0])
        step += 1
        time.sleep(0.1)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--within", type=float, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        live = make_runs(Path(folder), options.runs, options.records)
        live.write(start("live"))
        server = Server(options.programs, folder)
        first = server.get("/")[0]
        begin = time.monotonic()
        while json.loads(server.get("/api/runs/long")[1]).get("run", {}).get("step") != options.records - 1:
            time.sleep(0.05)
        print(f"first page {first:.0f} ms; {options.records} records read {time.monotonic() - begin:.1f} s later")
        crowd = Crowd(server)
        crowd.start()
        time.sleep(3)
        times = measure(server, live, options.seconds)
        crowd.ending.set()
        crowd.join()
        memory = server.megabytes()
        server.process.terminate()

    for target, values in times.items():
        print(f"{target:36} median {percentile(values, 0.5):6.1f} ms   worst {max(values):6.1f} ms")
    p99 = percentile(sum(times.values(), []), 0.99)
    print(f"all requests: 99% within {p99:.1f} ms; memory at most {memory:.0f} MB")
    print(f"events of a stream: {min(crowd.events)} to {max(crowd.events)}; "
          f"{crowd.dropped} tricklers dropped")
    expected = 0.5 * options.seconds
    good = p99 <= options.within and first <= 10 * options.within and memory <= MAX_MEGABYTES
    return 0 if good and min(crowd.events) >= expected else 1


if __name__ == "__main__":
    sys.exit(main())
