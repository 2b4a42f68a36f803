"""The command plan: predictions from given and from measured rates."""

import json

from harness import USAGE, ProgramTest, main, options

NETWORK = {"features": 784, "classes": 10, "hidden": 500}
MACHINE = {"flops": "1e11", "latency": "1e-6", "bandwidth": "1e10"}


class PlanTest(ProgramTest):
    def test_given_rates_need_no_launcher_and_no_data(self):
        file = self.folder / "plan.json"
        result = self.succeed("plan", *options(NETWORK | MACHINE | {"nodes": "1,4", "batch": 1000, "json": file}))
        plan = json.loads(file.read_text(encoding="utf-8"))
        self.assertIn("784-500-10", result.stdout)
        self.assertEqual([point["ranks"] for point in plan["strong"]], [1, 4])
        self.assertEqual([point["batch"] for point in plan["weak"]], [1000, 4000])
        self.assertLess(plan["strong"][1]["efficiency"], 1)
        for curve in (plan["strong"], plan["weak"]):
            self.assertEqual(curve[0]["efficiency"], 1)
            for point in curve:
                parts = sum(point[f"seconds_{part}"] for part in ("network", "update", "communication"))
                self.assertAlmostEqual(point["seconds"], parts)
        self.assertFalse(plan["rates"]["measured"])

    def test_rates_are_measured_between_the_ranks(self):
        file = self.folder / "plan.json"
        self.succeed("plan", *options(NETWORK | {"nodes": "1,2", "ranks_per_node": 2, "json": file}), ranks=2)
        plan = json.loads(file.read_text(encoding="utf-8"))
        self.assertTrue(plan["rates"]["measured"] and plan["interconnect"]["measured"])
        self.assertGreater(plan["interconnect"]["bandwidth_bytes"], 0)
        self.assertLessEqual({"normal", "activations", "dual", "dual-split"}, set(plan["strong"][0]["alternatives"]))

    def test_one_rank_cannot_measure_messages(self):
        self.fail_with(USAGE, ["--latency"], "plan", *options(NETWORK | {"nodes": "2"}), ranks=1)

    def test_one_node_of_one_rank_needs_no_messages(self):
        self.succeed("plan", *options(NETWORK | {"nodes": "1"}))


if __name__ == "__main__":
    main()
