"""What the program says without training: help, completion, the manual, descriptions; and what it says while it trains."""

import json
import os
import re
import shutil
import subprocess

from harness import DATA, PROGRAM, USAGE, ProgramTest, main
from test_training import CLASSES, FEATURES, synthetic


class InformationTest(ProgramTest):
    def test_bash_completes_commands_and_options(self):
        script = self.folder / "sibp_dist.bash"
        script.write_text(self.succeed("completion", "bash").stdout, encoding="utf-8")

        def completions(*words):
            ask = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sibp_dist; echo "${COMPREPLY[*]}"'
            return subprocess.run(["bash", "-uc", ask, "bash", script, *words], capture_output=True, check=True,
                                  text=True).stdout.split()

        self.assertEqual(completions("sibp_dist", "ev"), ["evaluate"])
        self.assertEqual(completions("sibp_dist", "--label"), ["--label-smoothing"])
        self.assertEqual(completions("sibp_dist", "plan", "--bandw"), ["--bandwidth"])
        self.assertEqual(completions("sibp_dist", "plan", "--label"), [])

    def output_of_shell(self, shell, options, commands):
        """What a shell prints that has read its completions."""
        if shutil.which(shell) is None:
            self.skipTest(f"no {shell} here")
        script = self.folder / f"completion.{shell}"
        script.write_text(self.succeed("completion", shell).stdout, encoding="utf-8")
        return subprocess.run([shell, *options, "-c", commands.format(script=script)], check=True, capture_output=True,
                              text=True).stdout

    def test_fish_completes_commands_and_options(self):
        def completions(words):
            lines = self.output_of_shell("fish", ["--no-config"], f"source {{script}}; complete -C 'sibp_dist {words}'")
            return [line.split("\t")[0] for line in lines.splitlines()]

        self.assertIn("evaluate", completions("ev"))
        self.assertIn("--label-smoothing", completions("--label"))
        self.assertIn("--bandwidth", completions("plan --bandw"))
        self.assertNotIn("--label-smoothing", completions("plan --label"))

    def test_zsh_completes_commands_and_options(self):
        # A zsh in a terminal of its own, as completion needs one; the line that TAB leaves goes to a file.
        commands = r"""
            zmodload zsh/zpty
            zpty shell zsh -f -i
            say() {{ zpty -w shell "$1"; zpty -r -m shell ignored "*done-$2-*"; }}
            say 'autoload -Uz compinit; compinit -D -u; source {script}; print done-"1"-' 1
            say 'keep() {{ print -r -- "$BUFFER" >> {script}.lines; BUFFER=; zle reset-prompt; }}; print done-"2"-' 2
            say 'zle -N keep; bindkey "^Xk" keep; unsetopt listbeep; print done-"3"-' 3
            touch {script}.lines
            lines=0
            for words in "sibp_dist ev" "sibp_dist --label" "sibp_dist plan --bandw" "sibp_dist plan --label"; do
              zpty -w -n shell "$words"$'\t\030k'
              (( ++lines ))
              for (( k = 0; k < 200 && $(wc -l < {script}.lines) < lines; ++k )) do sleep 0.05; done
            done
            zpty -d shell
            cat {script}.lines"""
        lines = self.output_of_shell("zsh", ["-f"], commands).splitlines()
        self.assertEqual([line.rstrip() for line in lines],
                         ["sibp_dist evaluate", "sibp_dist --label-smoothing", "sibp_dist plan --bandwidth",
                          "sibp_dist plan --label"])

    def test_help(self):
        text = self.succeed("--help").stdout
        for name in ("--dataset", "--hidden", "--eta", "--damping", "--logical-shards", "--config", "--out"):
            self.assertIn(name, text)

    def test_texts_need_no_mpi(self):
        for words in (["help"], ["plan", "-h"], ["--version"], ["completion", "bash"], ["man"]):
            alone = subprocess.run([PROGRAM, *words], capture_output=True, text=True,
                                   env={"PATH": os.environ["PATH"], "OMPI_MCA_pml": "none-of-this-name"})
            self.assertEqual((alone.returncode, alone.stderr), (0, ""))
            self.assertEqual(alone.stdout, self.succeed(*words, ranks=2).stdout)

    def test_man_shows_every_option(self):
        if shutil.which("man") is None:
            self.skipTest("no man here")
        page = self.folder / "sibp_dist.1"
        page.write_text(self.succeed("man").stdout, encoding="utf-8")
        shown = subprocess.run(["man", "--warnings", "-Tutf8", "-l", page], capture_output=True, text=True, check=True,
                               env=os.environ | {"MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"})
        self.assertEqual(shown.stderr, "")
        text = re.sub(".\b", "", shown.stdout)
        options = re.findall(r"^  (--[a-z0-9-]+)", self.succeed("--help").stdout, re.MULTILINE)
        self.assertGreater(len(options), 60)
        for option in options:
            self.assertRegex(text, rf"(?m)^ +{option}( |$)")

    def test_help_is_printed_once(self):
        self.assertEqual(self.succeed("--help", ranks=3).stdout, self.succeed("--help").stdout)

    def test_version(self):
        self.assertRegex(self.succeed("--version").stdout, r"\d+\.\d+\.\d+")

    def test_describe(self):
        folder = self.folder / "run"
        text = self.succeed(*synthetic(out=folder), "--describe", ranks=2).stdout
        parameters = 30 * (FEATURES + 1) + CLASSES * 31
        self.assertIn(str(parameters), re.sub(r"(?<=\d)[ ,'](?=\d)", "", text))
        self.assertRegex(text, r"method +sibp: .*eta 3, step fixed, damping relative:2")
        self.assertFalse(folder.exists())

    def test_presets_without_data(self):
        known = re.search("one of (.*)", self.fail_with(USAGE, ["none"], "--preset", "none", ranks=1).errors[0])
        for preset in known[1].split(", "):
            result = self.succeed("--preset", preset, "--data-dir", "nowhere", "--describe")
            self.assertRegex(result.stdout, r"parameters")
            self.assertIn("sizes are those of the published data set", result.stderr)
        self.succeed("plan", "--preset", "resnet18-cifar10", "--flops", "1e12", "--latency", "1e-6", "--bandwidth", "1e9",
                     "--nodes", "1,2")
        self.fail_with(DATA, ["nowhere"], "--preset", preset, "--data-dir", "nowhere")

    def test_describe_counts_what_the_method_does(self):
        def update_flops(*options):
            return float(self.succeed(*synthetic(), "--describe", *options).stdout.split("all ")[1].split()[2])
        gradient = update_flops("--method", "sgd")
        self.assertGreater(update_flops("--method", "proxprop", "--cg-steps", "3"), 4 * gradient)
        self.assertGreater(update_flops("--method", "published"), 10 * gradient)

    def test_progress(self):
        for mode in ("lines", "bar"):
            with self.subTest(mode):
                result = self.succeed(*synthetic(progress=mode, out=self.folder / mode))
                self.assertRegex(result.stdout + result.stderr, "loss")
        quiet = self.succeed(*synthetic(log_level="error", out=self.folder / "quiet"), ranks=3)
        self.assertEqual(quiet.stderr, "")

    def test_systems_have_owners_and_a_trace_shows_every_rank(self):
        file = self.folder / "trace.json"
        words = {"form": "normal", "owners": "factor", "gram_every": 2, "gram_burn_in": 2}
        arguments = synthetic(**words, trace=file, out=self.folder / "run")
        self.succeed("train", *arguments, ranks=3)
        self.assertIn("owners = factor", (self.folder / "run/config.ini").read_text(encoding="utf-8"))
        events = json.loads(file.read_text(encoding="utf-8"))
        self.assertEqual({event["pid"] for event in events}, {0, 1, 2})
        for rank in range(3):
            names = {event["name"] for event in events if event["pid"] == rank and event["ph"] == "X"}
            self.assertLessEqual({"forward", "backward", "solve", "communication", "reduce", "gather"}, names)
            phases = [event for event in events if event["pid"] == rank and event["ph"] == "X" and event["tid"] == 0]
            for first, second in zip(phases, phases[1:]):
                self.assertLessEqual(first["ts"] + first["dur"], second["ts"] + 1)
        described = self.succeed("train", *arguments, "--describe", ranks=3).stdout
        self.assertRegex(described, r"factor by rank [0-2]")


if __name__ == "__main__":
    main()
