"""The command line of the supervisor; launch/run.sh starts it."""

import argparse
import math
import os
import shlex
import shutil
import sys
from pathlib import Path

from tracking.prometheus import Prometheus
from tracking.trackers import TRACKERS, missing_package

from . import statuses
from .launchers import launcher_of
from .requests import Requests
from .run_folder import Refused, can_resume, resumed, with_run_folder
from .start import Start, say
from .tracking_processes import Trackers

# --bind-to none: by default Open MPI ties each rank to one core, with all its threads, which starves ranks of several
# threads and is forbidden in some containers. --oversubscribe: it counts a core with two hardware threads once.
MPIRUN = "mpirun --bind-to none --oversubscribe"


def from_on(least):
    """What reads a whole number from `least` on."""
    def read(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"found {text!r}, expected at least {least}")
        return int(text)
    return read


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number of seconds above 0")
    return value


def words_of(text):
    """A command as a shell would split it."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"found {text!r}: {error}") from None
    if not words:
        raise argparse.ArgumentTypeError("found nothing, expected a command")
    return words


def parse(arguments):
    """The supervisor's options and the words behind `--`, which are the program's."""
    own, words = arguments, []
    if "--" in arguments:
        own, words = arguments[:arguments.index("--")], arguments[arguments.index("--") + 1:]
    parser = argparse.ArgumentParser(prog="launch/run.sh", usage="launch/run.sh [option …] -- [option of sibp_dist …]",
                                     description=__import__("supervisor").__doc__, allow_abbrev=False)
    in_allocation = "SLURM_JOB_ID" in os.environ
    parser.add_argument("-np", type=from_on(1), metavar="N", dest="ranks",
                        help="ranks (default: what the allocation has under Slurm, 1 elsewhere)")
    parser.add_argument("--launcher", type=words_of, metavar="COMMAND", default="srun" if in_allocation else MPIRUN,
                        help=f"mpirun or srun with flags of yours (default: srun under Slurm, '{MPIRUN}' elsewhere)")
    parser.add_argument("--program", metavar="FILE", required=True, help="what is started on the ranks")
    parser.add_argument("--start-timeout", type=seconds, default=120.0, metavar="SECONDS",
                        help="how long it may take until all ranks are there (default: %(default)g)")
    parser.add_argument("--restarts", type=from_on(0), default=0, metavar="N",
                        help="start again from the last checkpoint, at most N times, when a rank, a node or a link is lost, "
                             "a rank stalls or a run-time error ends the run (default: %(default)s)")
    parser.add_argument("--track", action="append", choices=sorted(TRACKERS), default=[], metavar="TRACKER",
                        help="hand each record of the run to tensorboard (files in RUN/tensorboard), mlflow or wandb, by their "
                             "own packages; may be given several times")
    parser.add_argument("--prometheus", type=Path, metavar="FILE",
                        help="keep the state of the run in FILE (NAME.prom) for the textfile collector of node_exporter")
    options = parser.parse_args(own)
    for option, kind in [*(("--track " + name, TRACKERS[name]) for name in options.track),
                         *([("--prometheus", Prometheus)] if options.prometheus else [])]:
        if missing := missing_package(kind):
            parser.error(f"{option}: {missing}")
    if options.prometheus and not options.prometheus.absolute().parent.is_dir():
        parser.error(f"--prometheus: found {options.prometheus}, expected a file in a folder that exists")
    if options.ranks is None and not in_allocation:
        options.ranks = 1
    for what, path in (("--program", options.program), ("--launcher", options.launcher[0])):
        if not shutil.which(path):
            parser.error(f"{what}: {path} is no program that can be started; build it or name another one")
    return options, words


def supervise(options, program, words, run_folder, requests):
    """Starts the program, again if that is sensible and allowed, and returns its last exit status."""
    launcher = launcher_of(options.launcher)
    for restart in range(options.restarts + 1):
        status = Start(launcher, options.ranks, [program, *words], run_folder).run(requests, options.start_timeout)
        requests.wait(0)
        if status not in statuses.WORTH_ANOTHER_START or requests.stop or restart == options.restarts:
            return status
        if not can_resume(words, run_folder):
            say(f"no restart: {run_folder} holds no checkpoint yet")
            return status
        words = resumed(words, run_folder)
        say(f"restart {restart + 1} of {options.restarts}: {' '.join(words)}")
    raise AssertionError("the last start returns")


def main():
    options, words = parse(sys.argv[1:])
    requests = Requests()
    program = str(Path(shutil.which(options.program)).absolute())
    try:
        words, run_folder = with_run_folder(words, program)
        with Trackers(run_folder, options.track, options.prometheus and options.prometheus.absolute()) as trackers:
            trackers.status = supervise(options, program, words, run_folder, requests)
            return trackers.status
    except Refused as refusal:
        return refusal.status
    except OSError as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
